using System.Buffers.Binary;
using System.IO.Compression;
using Melanoma.Contracts;
using Melanoma.Samples;

namespace Melanoma.EndToEndTests;

/// <summary>A ZIP of synthetic lesions in Train and Test, with some files that no catalogue should take.</summary>
internal static class TestDelivery
{
    public const int TrainPerClass = 12;
    public const int TestPerClass = 4;

    /// <summary>Pictures that the catalogue must store.</summary>
    public const int Pictures = (TrainPerClass + TestPerClass) * Diagnoses.Count;

    /// <summary>Files in a second class folder, byte for byte: no new picture, but a contradiction.</summary>
    public const int Contradictions = 1;

    /// <summary>Files that must be refused, each for a reason of its own.</summary>
    public const int Bad = 5;

    private const int Size = 96;

    /// <summary>Writes the pictures under FOLDER/pictures and the archive FOLDER/delivery.zip; returns the archive.</summary>
    public static async Task<string> WriteAsync(string folder, CancellationToken cancellationToken)
    {
        var pictures = Path.Combine(folder, "pictures");
        await SyntheticLesions.WriteAsync(pictures, TrainPerClass, TestPerClass, Size, cancellationToken: cancellationToken);
        var path = Path.Combine(folder, "delivery.zip");
        await using var archive = await ZipFile.OpenAsync(path, ZipArchiveMode.Create, cancellationToken);
        foreach (var file in Directory.EnumerateFiles(pictures, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            await archive.CreateEntryFromFileAsync(file, Path.GetRelativePath(pictures, file), cancellationToken);

        var melanoma = await File.ReadAllBytesAsync(Directory.EnumerateFiles(Path.Combine(pictures, "Train", "melanoma")).Order(StringComparer.Ordinal).First(), cancellationToken);
        await AddAsync(archive, "Train/seborrheic keratosis/the-same-bytes.jpg", melanoma, cancellationToken);
        await AddAsync(archive, "Train/nevus/text.jpg", "This is no picture."u8.ToArray(), cancellationToken);
        await AddAsync(archive, "Train/nevus/truncated.jpg", melanoma[..(melanoma.Length / 2)], cancellationToken);
        await AddAsync(archive, "Train/nevus/empty.jpg", [], cancellationToken);
        await AddAsync(archive, "Train/nevus/huge.png", HugePng(30_000), cancellationToken);
        await AddAsync(archive, "../outside.jpg", SyntheticLesions.DrawJpeg(0, seed: 900_001, Size), cancellationToken);
        return path;
    }

    /// <summary>The pictures of the Test folder.</summary>
    public static string TestFolder(string folder) => Path.Combine(folder, "pictures", "Test");

    private static async Task AddAsync(ZipArchive archive, string name, byte[] bytes, CancellationToken cancellationToken)
    {
        await using var entry = await archive.CreateEntry(name).OpenAsync(cancellationToken);
        await entry.WriteAsync(bytes, cancellationToken);
    }

    // Signature, and a header chunk that promises a picture of this side; nothing need follow.
    private static byte[] HugePng(int side)
    {
        var png = new byte[33];
        ReadOnlySpan<byte> start = [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, 0, 0, 0, 13, (byte)'I', (byte)'H', (byte)'D', (byte)'R'];
        start.CopyTo(png);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), side);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), side);
        png[24] = 8;
        png[25] = 2;
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc32(png.AsSpan(12, 17)));
        return png;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
        }

        return ~crc;
    }
}
