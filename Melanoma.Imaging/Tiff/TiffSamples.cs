using System.Buffers.Binary;

namespace Melanoma.Imaging.Tiff;

/// <summary>From stored samples to 8-bit RGBA.</summary>
internal static class TiffSamples
{
    /// <summary>Undoes horizontal differencing in place.</summary>
    public static void AddUp(Span<byte> row, TiffDirectory directory)
    {
        var step = directory.Samples;
        if (directory.Bits == 8)
        {
            for (var at = step; at < row.Length; at++)
                row[at] += row[at - step];
            return;
        }

        for (var at = 2 * step; at < row.Length - 1; at += 2)
        {
            var sum = (ushort)(Read16(row[at..], directory.IsBigEndian) + Read16(row[(at - (2 * step))..], directory.IsBigEndian));
            if (directory.IsBigEndian)
                BinaryPrimitives.WriteUInt16BigEndian(row[at..], sum);
            else
                BinaryPrimitives.WriteUInt16LittleEndian(row[at..], sum);
        }
    }

    /// <summary>Turns the first <paramref name="columns"/> pixels of a row into RGBA; premultiplied alpha is laid on white here.</summary>
    public static void ToRgba(ReadOnlySpan<byte> row, TiffDirectory directory, ReadOnlySpan<byte> palette, int columns, Span<byte> rgba)
    {
        var width = directory.Bits / 8;
        // The more significant byte is all that 8 bits keep of 16.
        var high = directory.Bits == 16 && !directory.IsBigEndian ? 1 : 0;
        for (var x = 0; x < columns; x++)
        {
            var output = rgba.Slice(4 * x, 4);
            output[3] = 255;
            if (directory.Bits < 8)
            {
                Packed(row, directory, palette, x, output);
                continue;
            }

            var pixel = row.Slice(x * directory.Samples * width, directory.Samples * width);
            Colours(pixel, width, high, directory, palette, output);
            if (directory.Alpha == 0)
                continue;
            int alpha = pixel[(directory.Colours * width) + high];
            if (directory.Alpha == 2)
            {
                output[3] = (byte)alpha;
                continue;
            }

            for (var c = 0; c < 3; c++)
                output[c] = (byte)Math.Min(255, output[c] + 255 - alpha);
        }
    }

    private static void Colours(ReadOnlySpan<byte> pixel, int width, int high, TiffDirectory directory, ReadOnlySpan<byte> palette, Span<byte> output)
    {
        switch (directory.Photometric)
        {
            case TiffPhotometric.Rgb:
                output[0] = pixel[high];
                output[1] = pixel[width + high];
                output[2] = pixel[(2 * width) + high];
                break;
            case TiffPhotometric.Cmyk:
                var light = 255 - pixel[(3 * width) + high];
                for (var c = 0; c < 3; c++)
                    output[c] = (byte)((((255 - pixel[(c * width) + high]) * light) + 127) / 255);
                break;
            case TiffPhotometric.Palette:
                palette.Slice(3 * pixel[0], 3).CopyTo(output);
                break;
            default:
                var level = directory.Photometric == TiffPhotometric.WhiteIsZero ? 255 - pixel[high] : pixel[high];
                output[..3].Fill((byte)level);
                break;
        }
    }

    // 1 or 4 bits a pixel, the leftmost in the highest bits.
    private static void Packed(ReadOnlySpan<byte> row, TiffDirectory directory, ReadOnlySpan<byte> palette, int x, Span<byte> output)
    {
        var perByte = 8 / directory.Bits;
        var top = (1 << directory.Bits) - 1;
        var value = (row[x / perByte] >> (8 - directory.Bits - (x % perByte * directory.Bits))) & top;
        if (directory.Photometric == TiffPhotometric.Palette)
        {
            palette.Slice(3 * value, 3).CopyTo(output);
            return;
        }

        var level = value * 255 / top;
        output[..3].Fill((byte)(directory.Photometric == TiffPhotometric.WhiteIsZero ? 255 - level : level));
    }

    private static ushort Read16(ReadOnlySpan<byte> bytes, bool bigEndian) =>
        bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);
}
