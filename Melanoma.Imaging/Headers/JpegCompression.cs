using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Melanoma.Imaging.Headers;

/// <summary>How strongly and in what manner a JPEG was compressed, from the segments before its first scan (ITU-T T.81, annex B).</summary>
internal readonly record struct JpegCompression(int? Quality, long? TablesHash, ChromaSubsampling Subsampling)
{
    private const byte DefineTables = 0xDB;
    private const byte StartOfScan = 0xDA;
    private const int Slots = 4;
    private const int Entries = 64;

    // T.81 table K.1 in any order: only its entries' sum is used, at each quality.
    private static ReadOnlySpan<byte> Luminance =>
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ];

    private static readonly int[] SumAtQuality = [.. Enumerable.Range(1, 100).Select(SumAt)];

    /// <summary>Nothing is refused here: what cannot be read is left out.</summary>
    public static JpegCompression Read(ReadOnlySpan<byte> bytes)
    {
        Span<ushort> tables = stackalloc ushort[Slots * Entries];
        var defined = 0;
        var slotOfBrightness = 0;
        var subsampling = ChromaSubsampling.None;
        var at = 2;
        while (JpegHeader.NextMarker(bytes, ref at) is var marker && marker >= 0)
        {
            if (JpegHeader.IsAlone(marker))
                continue;
            if (marker == StartOfScan || !JpegHeader.TryReadSegment(bytes, ref at, out var segment, out _))
                break;
            if (marker == DefineTables)
                defined |= ReadTables(segment, tables);
            else if (JpegHeader.IsFrame(marker) && segment.Length >= 9)
                (slotOfBrightness, subsampling) = (segment[8] & (Slots - 1), ReadSubsampling(segment));
        }

        if (defined == 0)
            return new(null, null, subsampling);
        var quality = (defined & (1 << slotOfBrightness)) != 0 ? QualityOf(tables.Slice(slotOfBrightness * Entries, Entries)) : (int?)null;
        return new(quality, Hash(tables, defined), subsampling);
    }

    private static int ReadTables(ReadOnlySpan<byte> segment, Span<ushort> tables)
    {
        var defined = 0;
        while (segment.Length > 0)
        {
            var slot = segment[0] & (Slots - 1);
            var width = segment[0] >> 4 == 0 ? 1 : 2;
            if (segment.Length < 1 + (Entries * width))
                break;
            for (var i = 0; i < Entries; i++)
                tables[(slot * Entries) + i] = width == 1 ? segment[1 + i] : BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + (2 * i))..]);
            defined |= 1 << slot;
            segment = segment[(1 + (Entries * width))..];
        }

        return defined;
    }

    private static ChromaSubsampling ReadSubsampling(ReadOnlySpan<byte> frame)
    {
        if (frame[5] != 3 || frame.Length < 15 || frame[10] != 0x11 || frame[13] != 0x11)
            return frame[5] == 1 ? ChromaSubsampling.None : ChromaSubsampling.Other;
        return frame[7] switch
        {
            0x11 => ChromaSubsampling.Full,
            0x21 => ChromaSubsampling.HalfWidth,
            0x22 => ChromaSubsampling.Quarter,
            _ => ChromaSubsampling.Other,
        };
    }

    private static int QualityOf(ReadOnlySpan<ushort> table)
    {
        var sum = 0;
        foreach (var entry in table)
            sum += entry;
        var nearest = 0;
        for (var i = 1; i < SumAtQuality.Length; i++)
        {
            if (Math.Abs(SumAtQuality[i] - sum) < Math.Abs(SumAtQuality[nearest] - sum))
                nearest = i;
        }

        return nearest + 1;
    }

    // jpeg_quality_scaling and jpeg_add_quant_table of libjpeg, baseline.
    private static int SumAt(int quality)
    {
        var scale = quality < 50 ? 5000 / quality : 200 - (2 * quality);
        var sum = 0;
        foreach (var entry in Luminance)
            sum += Math.Clamp(((entry * scale) + 50) / 100, 1, 255);
        return sum;
    }

    private static long Hash(ReadOnlySpan<ushort> tables, int defined)
    {
        Span<byte> content = stackalloc byte[1 + (Slots * Entries * 2)];
        content.Clear();
        content[0] = (byte)defined;
        for (var i = 0; i < tables.Length; i++)
        {
            if ((defined & (1 << (i / Entries))) != 0)
                BinaryPrimitives.WriteUInt16BigEndian(content[(1 + (2 * i))..], tables[i]);
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return BinaryPrimitives.ReadInt64BigEndian(hash);
    }
}
