using System.Text.Json;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Microsoft.ML.OnnxRuntime;

namespace Melanoma.Training.Exports;

/// <summary>A model with what belongs to it, as <see cref="ExportTraining"/> leaves it in a folder and <see cref="Runs.BundledModel"/> registers it.</summary>
/// <param name="Model">The ONNX file.</param>
/// <param name="InputSize">Side of the square that it takes, in pixels.</param>
/// <param name="Seen">SHA-256 of each picture that it was trained or chosen on.</param>
internal sealed record ModelFolder(byte[] Model, int InputSize, ModelReport Report, IReadOnlyList<(byte[] Sha256, Split Split)> Seen)
{
    private const string ModelFile = "model.onnx";
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
            using var session = new InferenceSession(model);
            var properties = ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap);
            if ((properties.Recipe, properties.RecipeVersion, properties.DatasetId) != (report.Recipe, report.RecipeVersion, ModelProperties.NoDataset))
            {
                throw new InvalidDataException($"{ModelFile} and {ReportFile} are not of one model that was trained on an export.");
            }

            return new ModelFolder(model, properties.InputSize, report, await ReadSeenAsync(folder, cancellationToken));
        }
        catch (Exception exception) when (exception is JsonException or OnnxRuntimeException)
        {
            throw new InvalidDataException($"The model of {folder} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the three files, each whole or not at all.</summary>
    public static async Task WriteAsync(string folder, byte[] model, ModelReport report, IEnumerable<ExportedImage> images, CancellationToken cancellationToken)
    {
        await WholeFile.WriteAsync(Path.Combine(folder, ModelFile), model, cancellationToken);
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
