using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Imaging;

namespace Melanoma.Samples;

/// <summary>One file of a synthetic delivery.</summary>
/// <param name="Path">Path relative to the folder, such as <c>Train/nevus/ISIC_9000123.jpg</c>.</param>
/// <param name="Diagnosis">What the picture was drawn as.</param>
/// <param name="IsicId">The id in the name, such as <c>ISIC_9000123</c>; two views of one lesion share it.</param>
/// <param name="LesionId">The lesion, such as <c>SYN_0000123</c>.</param>
public sealed record SyntheticPicture(string Path, Diagnosis Diagnosis, string IsicId, string LesionId);

/// <summary>
/// Draws pictures that look like dermoscopy and are none: nine diagnoses, each with its own colours, shape and texture, over skin with hairs, vignetting and noise.
/// For demonstrations and tests only; a network that learns them has learnt nothing about skin.
/// </summary>
public static class SyntheticLesions
{
    private const int FirstId = 9_000_000;
    private const int JpegQuality = 92;

    // Every fifth lesion was photographed twice.
    private const int LesionsPerSecondView = 5;

    /// <summary>Draws one lesion.</summary>
    /// <param name="diagnosis">Index of the diagnosis, 0 to 8.</param>
    /// <param name="seed">Which lesion of that diagnosis.</param>
    /// <param name="size">Side of the picture in pixels, at least 16.</param>
    /// <param name="view">Which photograph of that lesion: another turn, position, light, hairs and noise.</param>
    public static RgbImage Draw(int diagnosis, int seed, int size = 180, int view = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(diagnosis);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(diagnosis, Diagnoses.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 16);
        var lesionSeed = SeededRandom.Combine(diagnosis, seed);
        var lesion = new Lesion((Diagnosis)diagnosis, lesionSeed);
        return new Photograph(lesion, lesionSeed, SeededRandom.Combine(diagnosis, seed, view), size).Take();
    }

    /// <summary>Draws one lesion as JPEG of quality 92.</summary>
    /// <inheritdoc cref="Draw"/>
    public static byte[] DrawJpeg(int diagnosis, int seed, int size = 180, int view = 0) => ImageEncoder.EncodeJpeg(Draw(diagnosis, seed, size, view), JpegQuality);

    /// <summary>Draws one lesion as PNG.</summary>
    /// <inheritdoc cref="Draw"/>
    public static byte[] DrawPng(int diagnosis, int seed, int size = 180, int view = 0) => ImageEncoder.EncodePng(Draw(diagnosis, seed, size, view));

    /// <summary>
    /// Writes a delivery <c>Train|Test/CLASS/ISIC_9xxxxxx.jpg</c>. Every fifth lesion has a second view, <c>ISIC_9xxxxxx_2.jpg</c>, in the same folder.
    /// No lesion is in both Train and Test. The same arguments give the same files.
    /// </summary>
    /// <param name="folder">Folder to write into; made where it is missing.</param>
    /// <param name="trainPerClass">Pictures per diagnosis in Train.</param>
    /// <param name="testPerClass">Pictures per diagnosis in Test.</param>
    /// <param name="size">Side of the pictures in pixels.</param>
    /// <param name="seed">Another seed gives other lesions under other ids; 0 to 99.</param>
    /// <param name="drawn">Told after each picture, from any thread.</param>
    /// <param name="cancellationToken">Stops between two pictures.</param>
    /// <returns>What was written, in a fixed order.</returns>
    public static async Task<IReadOnlyList<SyntheticPicture>> WriteAsync(
        string folder,
        int trainPerClass,
        int testPerClass,
        int size = 180,
        int seed = 1,
        Action? drawn = null,
        CancellationToken cancellationToken = default)
    {
        var planned = Plan(trainPerClass, testPerClass, seed);
        await Parallel.ForEachAsync(planned, cancellationToken, async (item, token) =>
        {
            var path = Path.Combine(folder, item.Picture.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllBytesAsync(path, DrawJpeg((int)item.Picture.Diagnosis, item.LesionSeed, size, item.View), token);
            drawn?.Invoke();
        });
        return [.. planned.Select(item => item.Picture)];
    }

    private static List<PlannedPicture> Plan(int trainPerClass, int testPerClass, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(trainPerClass);
        ArgumentOutOfRangeException.ThrowIfNegative(testPerClass);
        ArgumentOutOfRangeException.ThrowIfNegative(seed);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(seed, 99);
        // Ten thousand ids for each seed.
        ArgumentOutOfRangeException.ThrowIfGreaterThan((trainPerClass + testPerClass) * Diagnoses.Count, 10_000, nameof(trainPerClass));
        var planned = new List<PlannedPicture>();
        var lesion = seed * 10_000;
        foreach (var (split, count) in (ReadOnlySpan<(string, int)>)[("Train", trainPerClass), ("Test", testPerClass)])
        {
            for (var diagnosis = 0; diagnosis < Diagnoses.Count; diagnosis++)
            {
                for (var made = 0; made < count; lesion++)
                {
                    var views = made > 0 && lesion % LesionsPerSecondView == 0 && made + 2 <= count ? 2 : 1;
                    for (var view = 0; view < views; view++, made++)
                        planned.Add(PlanPicture(split, (Diagnosis)diagnosis, lesion, view));
                }
            }
        }

        return planned;
    }

    private static PlannedPicture PlanPicture(string split, Diagnosis diagnosis, int lesion, int view)
    {
        var isicId = string.Create(CultureInfo.InvariantCulture, $"ISIC_{FirstId + lesion:0000000}");
        var name = view == 0 ? $"{isicId}.jpg" : string.Create(CultureInfo.InvariantCulture, $"{isicId}_{view + 1}.jpg");
        var picture = new SyntheticPicture(
            $"{split}/{Diagnoses.NameOf(diagnosis)}/{name}",
            diagnosis,
            isicId,
            string.Create(CultureInfo.InvariantCulture, $"SYN_{lesion:0000000}"));
        return new(picture, lesion, view);
    }

    private sealed record PlannedPicture(SyntheticPicture Picture, int LesionSeed, int View);
}
