using System.IO.Compression;

namespace Melanoma.Imaging.Tiff;

/// <summary>
/// Baseline TIFF and what cameras and scanners add to it: strips or tiles; none, LZW, Deflate or PackBits; 1, 4, 8 or 16 bits; grey, palette, RGB, CMYK, alpha.
/// In managed code, because TIFF is the richest source of faults among image decoders and Skia has none.
/// </summary>
internal static class TiffReader
{
    /// <summary>Decodes to height x width x 4 bytes on white.</summary>
    public static ImageRefusal? Decode(ReadOnlySpan<byte> bytes, Span<byte> rgba)
    {
        var reading = TiffDirectory.Read(bytes, out var directory);
        if (directory is null || !TiffBytes.TryOpen(bytes, out var reader, out _))
            return reading.Refusal ?? Corrupt();
        if (rgba.Length != (long)directory.Width * directory.Height * 4)
            return Corrupt();
        var palette = ReadPalette(reader, directory);
        if (palette is null)
            return Corrupt();

        var row = new byte[directory.BytesPerRow];
        var across = (directory.Width + directory.PieceWidth - 1) / directory.PieceWidth;
        var piece = 0;
        for (var top = 0; top < directory.Height; top += directory.PieceHeight)
        {
            for (var column = 0; column < across; column++, piece++)
            {
                if (!directory.Offsets.TryGet(reader, piece, out var offset) || !directory.ByteCounts.TryGet(reader, piece, out var count))
                    return Headers.Truncated.Refusal;
                if (offset > bytes.Length || count > bytes.Length - offset)
                    return Headers.Truncated.Refusal;
                if (!DecodePiece(bytes.Slice((int)offset, (int)count), directory, palette, row, column * directory.PieceWidth, top, rgba))
                    return Corrupt();
            }
        }

        if (directory.Alpha == 2)
            Transparency.LayOnWhite(rgba);
        return null;
    }

    private static ImageRefusal Corrupt() =>
        new(ImageRefusalReason.Corrupt, "The file begins as image/tiff but its picture cannot be read: it is damaged. Send it again or save it anew.");

    private static unsafe bool DecodePiece(ReadOnlySpan<byte> packed, TiffDirectory directory, byte[] palette, byte[] row, int left, int top, Span<byte> rgba)
    {
        fixed (byte* start = packed)
        {
            using var raw = new UnmanagedMemoryStream(start, packed.Length);
            using var unpacked = Unpack(raw, directory.Compression);
            var rows = Math.Min(directory.PieceHeight, directory.Height - top);
            var columns = Math.Min(directory.PieceWidth, directory.Width - left);
            for (var y = 0; y < rows; y++)
            {
                try
                {
                    unpacked.ReadExactly(row);
                }
                catch (Exception problem) when (problem is EndOfStreamException or InvalidDataException)
                {
                    return false;
                }

                if (directory.HasPredictor)
                    TiffSamples.AddUp(row, directory);
                TiffSamples.ToRgba(row, directory, palette, columns, rgba.Slice((((top + y) * directory.Width) + left) * 4, columns * 4));
            }

            return true;
        }
    }

    private static Stream Unpack(Stream raw, TiffCompression compression) => compression switch
    {
        TiffCompression.Lzw => new LzwStream(raw),
        TiffCompression.PackBits => new PackBitsStream(raw),
        TiffCompression.Deflate or TiffCompression.OldDeflate => new ZLibStream(raw, CompressionMode.Decompress, leaveOpen: true),
        _ => raw,
    };

    // Three tables of 2^bits entries, red first, 16 bits each; empty where the picture has no palette.
    private static byte[]? ReadPalette(in TiffBytes reader, TiffDirectory directory)
    {
        if (directory.Photometric != TiffPhotometric.Palette)
            return [];
        var entries = 1 << directory.Bits;
        var palette = new byte[3 * entries];
        for (var i = 0; i < palette.Length; i++)
        {
            if (!directory.ColourMap.TryGet(reader, i, out var value))
                return null;
            palette[(i % entries * 3) + (i / entries)] = (byte)(value >> 8);
        }

        return palette;
    }
}
