using Melanoma.Contracts;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;

namespace Melanoma.Training.CrossValidations;

/// <summary>What a network says of the fold that it was not trained on.</summary>
/// <param name="Ordinals">The pictures by their places in the dataset.</param>
/// <param name="Probabilities">Nine a picture.</param>
/// <param name="Prior">The class shares at which they are stated; 0 for an unsupported diagnosis.</param>
internal sealed record FoldAnswers(int[] Ordinals, float[] Probabilities, double[] Prior)
{
    public static FoldAnswers Of(Trainer trainer, IReadOnlyList<Sample> heldOut)
    {
        var rule = trainer.Rule;
        var logits = trainer.Logits(heldOut);
        return new FoldAnswers(
            [.. heldOut.Select(sample => sample.Image)],
            [.. Enumerable.Range(0, heldOut.Count).SelectMany(i => rule.Probabilities(logits.AsSpan(i * Diagnoses.Count, Diagnoses.Count))).Select(share => (float)share)],
            [.. trainer.Prior.Select((share, i) => rule.Supported[i] ? share : 0)]);
    }

    /// <summary>The answers beside what is known of the pictures.</summary>
    /// <param name="samples">The pictures in the order of <see cref="Ordinals"/>.</param>
    public JudgedPart Beside(IReadOnlyList<Sample> samples) =>
        new([.. Probabilities.Chunk(Diagnoses.Count).Select(row => row.Select(share => (double)share).ToArray())], Prior, samples);
}
