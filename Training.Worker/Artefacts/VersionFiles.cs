using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Quantization;

namespace Melanoma.Training.Artefacts;

/// <summary>The files of a model version: in full precision, and in eight bits where its graph can be.</summary>
/// <param name="Precise">The ONNX file in full precision.</param>
/// <param name="EightBits">The one of eight bits, calibrated for itself; null where there is none.</param>
/// <param name="Serves">Which of the two answers.</param>
internal sealed record VersionFiles(byte[] Precise, byte[]? EightBits, string Serves)
{
    /// <summary>Why the file in full precision answers where nothing was to be decided.</summary>
    public const string AskedFor = "fp32 answers: Training:ServedPrecision asks for it.";

    /// <summary>The file that answers.</summary>
    public byte[] Serving => Serves == ModelProperties.EightBits ? EightBits! : Precise;

    /// <summary>What the file that answers says of drawn pictures.</summary>
    public IReadOnlyList<StoredAnswer> Answers { get; init; } = [];

    /// <summary>Each file with the numbers that it computes with.</summary>
    public IEnumerable<(string Precision, byte[] Bytes)> All =>
        EightBits is { } bits ? [(ModelProperties.FullPrecision, Precise), (ModelProperties.EightBits, bits)] : [(ModelProperties.FullPrecision, Precise)];

    /// <summary>Makes the file of eight bits, calibrates it on validation, decides there which of the two answers, and says how both do on test.</summary>
    /// <param name="precise">A file of <see cref="OnnxExporter"/>.</param>
    /// <param name="data">What it was trained on.</param>
    /// <param name="mayServeEightBits">False where fp32 answers whatever is measured.</param>
    public static (VersionFiles Files, ArtefactChoice Choice) Make(byte[] precise, TrainingData data, bool mayServeEightBits, CancellationToken cancellationToken = default)
    {
        var one = JudgedFile.Of(precise, data);
        JudgedFile other;
        try
        {
            int[] calibrating = [.. data.SomeTrained(ActivationRanges.Pictures).Take(2 * ActivationRanges.Pictures).Select(sample => sample.Image)];
            other = JudgedFile.Calibrated(QuantizedExporter.Quantize(precise, data.Images, calibrating, cancellationToken: cancellationToken), data);
        }
        catch (InvalidDataException exception)
        {
            const string Serves = ModelProperties.FullPrecision;
            return (new VersionFiles(precise, null, Serves) { Answers = StoredAnswer.Of(precise, data.Images.Size) }, new ArtefactChoice(Serves, $"fp32 answers. There is no int8: {exception.Message}", [one.WithTest(data)]));
        }

        var times = ShortestTime.Measure([precise, other.File], data.Images.Size);
        (one, other) = (one.Taking(times[0]), other.Taking(times[1]));
        var (serves, reason) = mayServeEightBits
            ? ArtefactRule.Decide(one.Figures, other.Figures)
            : (ModelProperties.FullPrecision, AskedFor);

        var files = new VersionFiles(precise, other.File, serves);

        // Everything is chosen: test is only told.
        return (files with { Answers = StoredAnswer.Of(files.Serving, data.Images.Size) }, new ArtefactChoice(serves, reason, [one.WithTest(data), other.WithTest(data)]));
    }
}
