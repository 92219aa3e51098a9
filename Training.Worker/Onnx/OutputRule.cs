using Melanoma.Contracts;

namespace Melanoma.Training.Onnx;

/// <summary>How logits become probabilities: softmax((logits + <see cref="LogitOffset"/>) / <see cref="Temperature"/>) over the supported diagnoses.</summary>
/// <param name="Temperature">Above 0; fitted on validation.</param>
/// <param name="Supported">Which diagnoses had training images; the others get probability 0.</param>
/// <param name="LogitOffset">Nine numbers that bring the probabilities to the stated class prior; zeros where the logits already are.</param>
internal sealed record OutputRule(double Temperature, IReadOnlyList<bool> Supported, IReadOnlyList<double> LogitOffset)
{
    /// <summary>Added to the logits of unsupported diagnoses: exp of it is exactly 0 in single precision.</summary>
    public const float Masked = -1e9f;

    /// <summary>Plain softmax over all nine.</summary>
    public static OutputRule Plain { get; } = new(1, [.. Enumerable.Repeat(true, Diagnoses.Count)], new double[Diagnoses.Count]);

    /// <summary>The diagnoses without training images.</summary>
    public DiagnosisSet Unsupported => DiagnosisSet.Of([.. Enumerable.Range(0, Diagnoses.Count).Where(i => !Supported[i]).Select(i => (Diagnosis)i)]);

    /// <summary>The probabilities of one row of nine logits.</summary>
    public double[] Probabilities(ReadOnlySpan<float> logits)
    {
        var scaled = new double[Diagnoses.Count];
        var largest = double.NegativeInfinity;
        for (var i = 0; i < scaled.Length; i++)
        {
            scaled[i] = Supported[i] ? (logits[i] + LogitOffset[i]) / Temperature : double.NegativeInfinity;
            largest = Math.Max(largest, scaled[i]);
        }

        var sum = 0.0;
        for (var i = 0; i < scaled.Length; i++)
        {
            sum += scaled[i] = Math.Exp(scaled[i] - largest);
        }

        for (var i = 0; i < scaled.Length; i++)
        {
            scaled[i] /= sum;
        }

        return scaled;
    }

    internal float[] Mask() => [.. Supported.Select(supported => supported ? 0 : Masked)];

    internal float[] Offset() => [.. LogitOffset.Select(offset => (float)offset)];
}
