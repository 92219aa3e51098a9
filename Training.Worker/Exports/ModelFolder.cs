using System.Text.Json;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Artefacts;
using Microsoft.ML.OnnxRuntime;

namespace Melanoma.Training.Exports;

/// <summary>A model with what belongs to it, as <see cref="ExportTraining"/> leaves it in a folder and <see cref="Runs.BundledModel"/> registers it.</summary>
/// <param name="Files">The ONNX files.</param>
/// <param name="InputSize">Side of the square that they take, in pixels.</param>
/// <param name="Seen">SHA-256 of each picture that it was trained or chosen on.</param>
internal sealed record ModelFolder(VersionFiles Files, int InputSize, ModelReport Report, IReadOnlyList<(byte[] Sha256, Split Split)> Seen)
{
    private const string ModelFile = "model.onnx";
    private const string EightBitsFile = "model-int8.onnx";
    private const string ReportFile = "report.json";
    private const string SeenFile = "seen-images.csv";
    private const int Sha256Digits = 64;

    /// <exception cref="InvalidDataException">A file is damaged, or they do not belong together.</exception>
    /// <exception cref="IOException">A file is missing.</exception>
    public static async Task<ModelFolder> ReadAsync(string folder, CancellationToken cancellationToken)
    {
        var model = await File.ReadAllBytesAsync(Path.Combine(folder, ModelFile), cancellationToken);
        try
        {
            var report = ModelReport.FromJson(await File.ReadAllTextAsync(Path.Combine(folder, ReportFile), cancellationToken));
            var serves = report.Artefacts?.Serves ?? ModelProperties.FullPrecision;
            var eightBits = Path.Combine(folder, EightBitsFile);
            var files = new VersionFiles(
                model, serves == ModelProperties.EightBits || File.Exists(eightBits) ? await File.ReadAllBytesAsync(eightBits, cancellationToken) : null, serves);
            var sizes = files.All.Select(file => RequireOf(file.Bytes, file.Precision, report).InputSize).Distinct().ToArray();
            return sizes is [var inputSize]
                ? new ModelFolder(files with { Answers = StoredAnswer.Of(files.Serving, inputSize) }, inputSize, report, await ReadSeenAsync(folder, cancellationToken))
                : throw new InvalidDataException($"{ModelFile} and {EightBitsFile} take pictures of different sizes.");
        }
        catch (Exception exception) when (exception is JsonException or OnnxRuntimeException or FormatException)
        {
            throw new InvalidDataException($"The model of {folder} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>The same, with the file in full precision answering.</summary>
    public ModelFolder ServingFullPrecision() => this with
    {
        Files = Files with { Serves = ModelProperties.FullPrecision, Answers = StoredAnswer.Of(Files.Precise, InputSize) },
        Report = Report with { Artefacts = Report.Artefacts is { } choice ? choice with { Serves = ModelProperties.FullPrecision, Reason = VersionFiles.AskedFor } : null },
    };

    /// <summary>What a file says of itself, which must fit the report.</summary>
    private static ModelProperties RequireOf(byte[] file, string precision, ModelReport report)
    {
        using var session = new InferenceSession(file);
        var properties = ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap);
        return (properties.Recipe, properties.RecipeVersion, properties.DatasetId, properties.Precision) == (report.Recipe, report.RecipeVersion, ModelProperties.NoDataset, precision)
            ? properties
            : throw new InvalidDataException($"The {precision} file and {ReportFile} are not of one model that was trained on an export.");
    }

    /// <summary>The path of the ONNX file that answers.</summary>
    /// <exception cref="IOException">The report is missing.</exception>
    public static async Task<string> ServingFileAsync(string folder, CancellationToken cancellationToken)
    {
        var report = ModelReport.FromJson(await File.ReadAllTextAsync(Path.Combine(folder, ReportFile), cancellationToken));
        return Path.Combine(folder, report.Artefacts?.Serves == ModelProperties.EightBits ? EightBitsFile : ModelFile);
    }

    /// <summary>Writes the files, each whole or not at all.</summary>
    public static async Task WriteAsync(string folder, VersionFiles files, ModelReport report, IEnumerable<ExportedImage> images, CancellationToken cancellationToken)
    {
        await WholeFile.WriteAsync(Path.Combine(folder, ModelFile), files.Precise, cancellationToken);
        if (files.EightBits is { } eightBits)
        {
            await WholeFile.WriteAsync(Path.Combine(folder, EightBitsFile), eightBits, cancellationToken);
        }
        else
        {
            File.Delete(Path.Combine(folder, EightBitsFile));
        }

        await WholeFile.WriteAsync(Path.Combine(folder, ReportFile), report.ToJson(), cancellationToken);
        await WriteSeenAsync(folder, images, cancellationToken);
    }

    /// <summary>Writes which pictures of a dataset a model was trained and chosen on.</summary>
    public static Task WriteSeenAsync(string folder, IEnumerable<ExportedImage> images, CancellationToken cancellationToken)
    {
        var seen = images.Where(image => image.Split != Split.Test).Select(image => $"{image.Sha256},{image.Split.ToString().ToLowerInvariant()}\n");
        return WholeFile.WriteAsync(Path.Combine(folder, SeenFile), string.Concat(seen), cancellationToken);
    }

    /// <summary>SHA-256 of each picture that the model of a folder was trained or chosen on.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="IOException">It is missing.</exception>
    public static async Task<IReadOnlyList<(byte[] Sha256, Split Split)>> ReadSeenAsync(string folder, CancellationToken cancellationToken)
    {
        try
        {
            var lines = await File.ReadAllLinesAsync(Path.Combine(folder, SeenFile), cancellationToken);
            (byte[] Sha256, Split Split)[] seen = [.. lines.Select(Parse)];
            return seen.DistinctBy(image => Convert.ToHexString(image.Sha256)).Count() == seen.Length
                ? seen
                : throw new InvalidDataException($"{folder}: {SeenFile} names a picture twice.");
        }
        catch (FormatException exception)
        {
            throw new InvalidDataException($"{folder}: {exception.Message}", exception);
        }
    }

    private static (byte[] Sha256, Split Split) Parse(string line) =>
        line.Split(',') is [{ Length: Sha256Digits } sha256, "train" or "validation"] parts
            ? (Convert.FromHexString(sha256), Enum.Parse<Split>(parts[1], ignoreCase: true))
            : throw new FormatException($"'{line}' in {SeenFile} is no SHA-256 with train or validation.");
}
