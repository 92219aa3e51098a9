using System.Buffers.Binary;

namespace Melanoma.Imaging.Headers;

/// <summary>WebP chunks (RFC 9649).</summary>
internal static class WebPHeader
{
    public static HeaderReading Read(ReadOnlySpan<byte> bytes)
    {
        (int Width, int Height)? canvas = null;
        var alpha = false;
        ImageHeader? frame = null;
        var orientation = 1;
        for (var at = 12L; TryChunk(bytes, at, out var type, out var data, out var next); at = next)
        {
            if (type.SequenceEqual("VP8X"u8))
            {
                if (data.Length < 10)
                    return HeaderReading.Truncated();
                if ((data[0] & 0x02) != 0)
                    return HeaderReading.Unsupported("Animated WebP is not taken. Send one still picture.");
                alpha = (data[0] & 0x10) != 0;
                canvas = (UInt24(data[4..]) + 1, UInt24(data[7..]) + 1);
            }
            else if (frame is null && type.SequenceEqual("VP8 "u8))
            {
                if (data.Length < 10)
                    return HeaderReading.Truncated();
                if ((data[0] & 1) != 0 || !data.Slice(3, 3).SequenceEqual(LossyStart))
                    return HeaderReading.Corrupt("The WebP file does not begin with a whole picture.");
                frame = new ImageHeader(ImageFormat.WebP, UInt16(data[6..]) & 0x3FFF, UInt16(data[8..]) & 0x3FFF, 3, 8);
            }
            else if (frame is null && type.SequenceEqual("VP8L"u8))
            {
                if (data.Length < 5)
                    return HeaderReading.Truncated();
                var bits = BinaryPrimitives.ReadUInt32LittleEndian(data[1..]);
                if (data[0] != 0x2F || bits >> 29 != 0)
                    return HeaderReading.Corrupt("The WebP file does not begin with a whole picture.");
                alpha |= (bits & 0x1000_0000) != 0;
                frame = new ImageHeader(ImageFormat.WebP, (int)(bits & 0x3FFF) + 1, (int)((bits >> 14) & 0x3FFF) + 1, 3, 8);
            }
            else if (type.SequenceEqual("EXIF"u8))
            {
                var exif = data.StartsWith("Exif\0\0"u8) ? data[6..] : data;
                if (ExifOrientation.Read(exif) is var found and > 0)
                    orientation = found;
            }
        }

        if (frame is not { } header)
            return HeaderReading.Truncated();
        if (canvas is { } size && (size.Width != header.Width || size.Height != header.Height))
            return HeaderReading.Corrupt("The WebP file gives two different sizes.");
        return header with { Components = alpha ? 4 : 3, HasAlpha = alpha, Orientation = orientation };
    }

    /// <summary>Compares the file with the length that it states: null where the file is whole.</summary>
    public static ImageRefusal? CheckWhole(ReadOnlySpan<byte> bytes) =>
        bytes.Length - 8L < BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) ? Truncated.Refusal : null;

    private static ReadOnlySpan<byte> LossyStart => [0x9D, 0x01, 0x2A];

    // The last chunk may be cut: its head is what matters here.
    private static bool TryChunk(ReadOnlySpan<byte> bytes, long at, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data, out long next)
    {
        type = data = default;
        next = at;
        if (bytes.Length - at < 8)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[((int)at + 4)..]);
        type = bytes.Slice((int)at, 4);
        data = bytes.Slice((int)at + 8, (int)Math.Min(length, bytes.Length - at - 8));
        next = at + 8 + length + (length & 1);
        return true;
    }

    private static int UInt16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static int UInt24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
}
