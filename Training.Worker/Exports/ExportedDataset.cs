using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Images;
using nietras.SeparatedValues;

namespace Melanoma.Training.Exports;

/// <summary>A row of an exported dataset.</summary>
/// <param name="File">The entry of the archive that has the picture.</param>
/// <param name="IsicIds">The ISIC ids that are known of it.</param>
/// <param name="Licence">Empty where none is known.</param>
/// <param name="Age">Of the patient, in years; empty where it is not known, as the others.</param>
internal sealed record ExportedImage(
    string Sha256, string File, Split Split, DiagnosisSet Label, string Group, IReadOnlyList<string> IsicIds, string Source, string Licence, string Age, string Sex, string Site);

/// <summary>A dataset as <c>datasets export</c> writes it: a ZIP archive with <c>dataset.csv</c> and the pictures.</summary>
internal static class ExportedDataset
{
    private const string Table = "dataset.csv";

    /// <summary>The rows, in their order.</summary>
    /// <exception cref="InvalidDataException">The file is no export.</exception>
    public static List<ExportedImage> Read(string path)
    {
        using var archive = ZipFile.OpenRead(path);
        var table = archive.GetEntry(Table) ?? throw new InvalidDataException($"{path} is no exported dataset: it has no {Table}.");
        using var stream = table.Open();
        using var reader = Sep.New(',').Reader(options => options with { Unescape = true }).From(stream);
        var images = new List<ExportedImage>();
        foreach (var row in reader)
        {
            images.Add(new ExportedImage(
                row["sha256"].ToString(),
                row["file"].ToString(),
                Enum.Parse<Split>(row["split"].Span, ignoreCase: true),
                LabelOf(row["label"].ToString()),
                row["group_id"].ToString(),
                row["isic_ids"].ToString().Split('|', StringSplitOptions.RemoveEmptyEntries),
                row["source"].ToString(),
                row["licence"].ToString(),
                row["age"].ToString(),
                row["sex"].ToString(),
                row["site"].ToString()));
        }

        return images;
    }

    /// <summary>Decodes pictures into a file of squares, in their order, unless it is there already.</summary>
    /// <param name="size">Side of the squares, in pixels.</param>
    /// <exception cref="InvalidDataException">A picture is missing or cannot be decoded.</exception>
    public static ImageCache Decode(string path, IReadOnlyList<ExportedImage> images, int size, string cachePath)
    {
        // The name says what is in it, so that another export never finds these pictures.
        var content = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', images.Select(image => image.Sha256)))));
        cachePath = $"{cachePath}.{content[..16]}-{size}";
        var bytes = (long)images.Count * size * size * 3;
        if (!File.Exists(cachePath) || new FileInfo(cachePath).Length != bytes)
        {
            var unfinished = cachePath + ".tmp";
            using (var file = File.OpenHandle(unfinished, FileMode.Create, FileAccess.Write, preallocationSize: bytes))
            {
                Parallel.ForEach(Enumerable.Range(0, images.Count).Chunk(256), chunk =>
                {
                    // An archive is read by one thread only, so each chunk opens its own.
                    using var archive = ZipFile.OpenRead(path);
                    var pixels = new byte[size * size * 3];
                    foreach (var place in chunk)
                    {
                        if (!ImageDecoder.TryDecodeToSquare(Bytes(archive, images[place]), size, pixels, ImageLimits.Default, out var refusal))
                        {
                            throw new InvalidDataException($"{images[place].File} cannot be decoded: {refusal.Message}");
                        }

                        RandomAccess.Write(file, pixels, place * (long)pixels.Length);
                    }
                });
            }

            File.Move(unfinished, cachePath, overwrite: true);
        }

        return new ImageCache(cachePath, size);
    }

    /// <summary>Pictures of <see cref="Decode"/>, in their order, as training sees them.</summary>
    /// <param name="leastLesions">A diagnosis with fewer training lesions is unsupported.</param>
    public static TrainingData ToTrainingData(ImageCache cache, IReadOnlyList<ExportedImage> images, int leastLesions)
    {
        var groups = images.Select(image => image.Group).Distinct().Index().ToDictionary(group => group.Item, group => group.Index);
        return new TrainingData(
            cache, [.. images.Index().Select(image => new Sample(image.Index, image.Item.Split, image.Item.Label, groups[image.Item.Group], IsVariant: false))], leastLesions);
    }

    private static DiagnosisSet LabelOf(string names) => DiagnosisSet.Of([.. names.Split('|').Select(name =>
        Diagnoses.TryParse(name, out var diagnosis) ? diagnosis : throw new InvalidDataException($"'{name}' is none of the nine diagnoses."))]);

    /// <summary>The file of a picture, held against its SHA-256.</summary>
    /// <exception cref="InvalidDataException">It is missing, too large or another one.</exception>
    public static byte[] Bytes(ZipArchive archive, ExportedImage image)
    {
        var entry = (image.File.Length == 0 ? null : archive.GetEntry(image.File))
            ?? throw new InvalidDataException($"The export has no picture for {image.Sha256}; it was made without pictures.");
        if (entry.Length > ImageLimits.Default.MaxBytes)
        {
            throw new InvalidDataException($"{image.File} has {entry.Length} bytes; at most {ImageLimits.Default.MaxBytes} are read.");
        }

        using var stream = entry.Open();
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return Convert.ToHexStringLower(SHA256.HashData(bytes)) == image.Sha256
            ? bytes
            : throw new InvalidDataException($"{image.File} is not the picture that {Table} names.");
    }
}
