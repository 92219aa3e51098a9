using System.Buffers.Binary;

namespace Melanoma.Imaging.Headers;

/// <summary>Windows bitmap headers.</summary>
internal static class BmpHeader
{
    public static bool IsKnownSize(uint headerSize) => headerSize is 12 or 40 or 52 or 56 or 64 or 108 or 124;

    public static HeaderReading Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 26)
            return HeaderReading.Truncated();
        var size = BinaryPrimitives.ReadUInt32LittleEndian(bytes[14..]);
        if (bytes.Length < 14 + size)
            return HeaderReading.Truncated();
        long width, height;
        int bits;
        uint compression = 0;
        if (size == 12)
        {
            width = BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..]);
            height = BinaryPrimitives.ReadUInt16LittleEndian(bytes[20..]);
            bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes[24..]);
        }
        else
        {
            width = BinaryPrimitives.ReadInt32LittleEndian(bytes[18..]);
            height = Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(bytes[22..]));
            bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes[28..]);
            compression = BinaryPrimitives.ReadUInt32LittleEndian(bytes[30..]);
        }

        if (width is <= 0 or > int.MaxValue || height is <= 0 or > int.MaxValue)
            return HeaderReading.Corrupt("The BMP header gives the picture an impossible size.");
        if (compression is not (0 or 1 or 2 or 3))
            return HeaderReading.Unsupported("This kind of BMP is not taken. Save it as PNG.");
        return bits is 1 or 4 or 8 or 16 or 24 or 32
            ? new ImageHeader(ImageFormat.Bmp, (int)width, (int)height, bits <= 8 ? 1 : 3, bits <= 8 ? bits : 8)
            : HeaderReading.Corrupt($"A BMP with {bits} bits a pixel does not exist.");
    }

    /// <summary>Compares the file with the room that uncompressed rows need: null where the file is whole.</summary>
    public static ImageRefusal? CheckWhole(ReadOnlySpan<byte> bytes, in ImageHeader header)
    {
        var core = BinaryPrimitives.ReadUInt32LittleEndian(bytes[14..]) == 12;
        if (!core && BinaryPrimitives.ReadUInt32LittleEndian(bytes[30..]) is 1 or 2)
            return null;
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(core ? 24 : 28)..]);
        var row = (((long)header.Width * bits) + 31) / 32 * 4;
        return bytes.Length < BinaryPrimitives.ReadUInt32LittleEndian(bytes[10..]) + (row * header.Height) ? Truncated.Refusal : null;
    }
}
