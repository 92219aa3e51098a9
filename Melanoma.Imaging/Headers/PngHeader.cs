using System.Buffers.Binary;

namespace Melanoma.Imaging.Headers;

/// <summary>PNG chunks (ISO/IEC 15948).</summary>
internal static class PngHeader
{
    public static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    public static HeaderReading Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 33)
            return HeaderReading.Truncated();
        var head = bytes[8..33];
        if (BinaryPrimitives.ReadUInt32BigEndian(head) != 13 || !head.Slice(4, 4).SequenceEqual("IHDR"u8))
            return HeaderReading.Corrupt("The PNG file does not begin with its header.");
        uint width = BinaryPrimitives.ReadUInt32BigEndian(head[8..]), height = BinaryPrimitives.ReadUInt32BigEndian(head[12..]);
        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue)
            return HeaderReading.Corrupt("The PNG header gives the picture an impossible size.");
        byte bits = head[16], colour = head[17];
        var components = colour switch { 0 or 3 => 1, 2 => 3, 4 => 2, 6 => 4, _ => 0 };
        var fits = colour switch { 0 => bits is 1 or 2 or 4 or 8 or 16, 3 => bits is 1 or 2 or 4 or 8, _ => bits is 8 or 16 };
        if (components == 0 || !fits || head[18] != 0 || head[19] != 0 || head[20] > 1)
            return HeaderReading.Corrupt("The PNG header names a colour type or a compression that does not exist.");

        var orientation = 1;
        var alpha = colour is 4 or 6;
        for (var at = 33L; TryChunk(bytes, at, out var type, out var data, out var next); at = next)
        {
            // Whatever changes the meaning of the pixels stands before them; eXIf may follow, and is then left unread like the decoders do.
            if (type.SequenceEqual("IDAT"u8) || type.SequenceEqual("IEND"u8))
                break;
            if (type.SequenceEqual("tRNS"u8))
                alpha = true;
            if (type.SequenceEqual("eXIf"u8) && ExifOrientation.Read(data) is var found and > 0)
                orientation = found;
        }

        return new ImageHeader(ImageFormat.Png, (int)width, (int)height, components, bits, orientation, alpha);
    }

    /// <summary>Walks all chunks to IEND: null where the file is whole.</summary>
    public static ImageRefusal? CheckWhole(ReadOnlySpan<byte> bytes)
    {
        var hasPixels = false;
        for (var at = 8L; at < bytes.Length;)
        {
            if (!TryChunk(bytes, at, out var type, out _, out at))
                break;
            hasPixels |= type.SequenceEqual("IDAT"u8);
            if (type.SequenceEqual("IEND"u8))
                return hasPixels ? null : new(ImageRefusalReason.Corrupt, "The PNG file ends without any picture data.");
        }

        return Truncated.Refusal;
    }

    private static bool TryChunk(ReadOnlySpan<byte> bytes, long at, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data, out long next)
    {
        type = data = default;
        next = at;
        if (bytes.Length - at < 12)
            return false;
        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[(int)at..]);
        if (length > bytes.Length - at - 12)
            return false;
        type = bytes.Slice((int)at + 4, 4);
        data = bytes.Slice((int)at + 8, (int)length);
        next = at + 12 + length;
        return true;
    }
}
