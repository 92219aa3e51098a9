namespace Melanoma.Training.Loop;

/// <summary>What an epoch came to; losses are mean cross-entropies in nats, accuracies shares of images whose most probable class is theirs.</summary>
internal sealed record EpochFigures(
    int Epoch,
    double TrainingLoss,
    double TrainingAccuracy,
    double ValidationLoss,
    double ValidationAccuracy,
    double ValidationBalancedAccuracy,
    double LearningRate,
    double Seconds,
    double ImagesPerSecond);

/// <summary>Where the running epoch stands.</summary>
/// <param name="Fraction">0 to 1.</param>
internal readonly record struct EpochProgress(int Epoch, double Fraction, double ImagesPerSecond);
