using System.IO.Compression;
using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>One picture of a collection: its ISIC id (the name without what follows the seven digits), where it lay, what is kept of it.</summary>
internal sealed record Picture(Guid Id, string IsicId, string Path, PictureSignature Signature);

/// <summary>Pictures of a ZIP in the order of their paths.</summary>
internal static class Collection
{
    private const int IsicIdLength = 12;

    public static Picture[] Read(string zip)
    {
        using var archive = ZipFile.OpenRead(zip);
        var pictures = new List<Picture>();
        foreach (var entry in archive.Entries.Where(e => e.FullName.EndsWith(".jpg", StringComparison.Ordinal)).OrderBy(e => e.FullName, StringComparer.Ordinal))
            pictures.Add(new(Guid.CreateVersion7(), entry.Name[..IsicIdLength], $"{Path.GetFileName(zip)}:{entry.FullName}", SignatureOf(Bytes(entry))));
        return [.. pictures];
    }

    /// <summary>As many files as asked for, drawn by a seed, with their ids.</summary>
    public static (string IsicId, byte[] Bytes)[] Draw(string zip, int count, int seed)
    {
        using var archive = ZipFile.OpenRead(zip);
        var entries = archive.Entries.Where(e => e.FullName.EndsWith(".jpg", StringComparison.Ordinal)).OrderBy(e => e.FullName, StringComparer.Ordinal).ToArray();
        new Random(seed).Shuffle(entries);
        return [.. entries.Take(count).Select(e => (e.Name[..IsicIdLength], Bytes(e)))];
    }

    public static PictureSignature SignatureOf(byte[] file)
    {
        var square = Square(file, out var header);
        return PictureSignature.Compute(square, header.UprightWidth, header.UprightHeight);
    }

    public static RgbImage Square(byte[] file, out ImageHeader header)
    {
        const int Side = PictureSignature.SourceSide;
        var pixels = new byte[Side * Side * 3];
        if (!ImageInspector.TryInspect(file, ImageLimits.Default, out header, out var refusal)
            || !ImageDecoder.TryDecodeToSketch(file, Side, pixels, ImageLimits.Default, out refusal))
            throw new InvalidDataException($"A picture was refused: {refusal.Message}");
        return new(Side, Side, pixels);
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
