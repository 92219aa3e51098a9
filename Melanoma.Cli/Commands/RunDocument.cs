using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

internal sealed record RunListDocument(IReadOnlyList<RunDocument> Runs);

/// <summary>A training run; <c>crossValidation</c> and <c>fold</c> are there for a fold of one, <c>model</c> is there once it has ended in one and the figures were asked for.</summary>
internal sealed record RunDocument(
    string Id, string Recipe, string Protocol, int Dataset, int Epochs, int Seed, int Views, string State, DateTimeOffset? RequestedAt, string RequestedBy,
    AugmentationDocument? Augmentation, IReadOnlyList<EpochDocument> Progress, double EpochFraction, double ImagesPerSecond, double? SecondsLeft, int Attempts,
    string? StartVersion, string? CrossValidation, int? Fold, string? ModelVersion, string? Error, ModelDocument? Model)
{
    public static RunDocument From(Run run) => From(run, null);

    public static RunDocument From(Run run, Model? model) => new(
        run.RunId, run.Recipe, NameOf(run.Protocol), run.DatasetId, run.Epochs, run.Seed, run.Views, NameOf(run.State),
        run.RequestedAt?.ToDateTimeOffset(), run.RequestedBy,
        run.Augmentation is null ? null : AugmentationDocument.From(run.Augmentation),
        [.. run.Progress.Select(EpochDocument.From)], run.EpochFraction, run.ImagesPerSecond, run.SecondsLeft > 0 ? run.SecondsLeft : null, run.Attempts,
        run.HasStartVersion ? run.StartVersion : null, run.HasCrossValidationId ? run.CrossValidationId : null, run.HasFold ? run.Fold : null, run.HasModelVersion ? run.ModelVersion : null, run.Error.Length > 0 ? run.Error : null,
        model is null ? null : ModelDocument.From(model));

    public static string NameOf(Protocol protocol) => protocol == Contracts.V1.Protocol.CrossValidation ? "cross-validation" : protocol.ToString().ToLowerInvariant();

    public static string NameOf(RunState state) => state.ToString().ToLowerInvariant();
}

/// <summary>Batches done and planned, and which worker made how many.</summary>
internal sealed record AugmentationDocument(
    int BatchesDone, int Batches, int Variants, Dictionary<string, int> ClassesBefore, Dictionary<string, int> ClassesAfter, Dictionary<string, int> Workers)
{
    public static AugmentationDocument From(AugmentationProgress progress) => new(
        progress.BatchesDone, progress.Batches, progress.Variants,
        progress.ClassesBefore.ToDictionary(item => item.Diagnosis, item => item.Count),
        progress.ClassesAfter.ToDictionary(item => item.Diagnosis, item => item.Count),
        progress.Workers.ToDictionary(item => item.Worker, item => item.Batches));
}

/// <summary>A finished epoch; losses in nats, accuracies 0 to 1.</summary>
internal sealed record EpochDocument(
    int Epoch, double TrainingLoss, double TrainingAccuracy, double ValidationLoss, double ValidationAccuracy, double ValidationBalancedAccuracy,
    double LearningRate, double Seconds, double ImagesPerSecond, string Worker)
{
    public static EpochDocument From(EpochProgress epoch) => new(
        epoch.Epoch, epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationLoss, epoch.ValidationAccuracy, epoch.ValidationBalancedAccuracy,
        epoch.LearningRate, epoch.Seconds, epoch.ImagesPerSecond, epoch.Worker);
}
