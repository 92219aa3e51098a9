using System.Buffers.Binary;

namespace Melanoma.Imaging.Tiff;

/// <summary>Bytes in the order that the first two of them name; every read is checked.</summary>
internal readonly ref struct TiffBytes
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly bool _bigEndian;

    private TiffBytes(ReadOnlySpan<byte> bytes, bool bigEndian)
    {
        _bytes = bytes;
        _bigEndian = bigEndian;
    }

    public bool IsBigEndian => _bigEndian;

    public static bool TryOpen(ReadOnlySpan<byte> bytes, out TiffBytes reader, out long firstDirectory)
    {
        firstDirectory = 0;
        reader = new TiffBytes(bytes, bytes.StartsWith("MM"u8));
        if (!bytes.StartsWith("II*\0"u8) && !bytes.StartsWith("MM\0*"u8))
            return false;
        var found = reader.TryUInt32(4, out var offset);
        firstDirectory = offset;
        return found && offset >= 8;
    }

    public bool TryByte(long at, out byte value)
    {
        var inside = at >= 0 && at < _bytes.Length;
        value = inside ? _bytes[(int)at] : (byte)0;
        return inside;
    }

    public bool TryUInt16(long at, out ushort value)
    {
        value = 0;
        if (at < 0 || at > _bytes.Length - 2)
            return false;
        var slice = _bytes.Slice((int)at, 2);
        value = _bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(slice) : BinaryPrimitives.ReadUInt16LittleEndian(slice);
        return true;
    }

    public bool TryUInt32(long at, out uint value)
    {
        value = 0;
        if (at < 0 || at > _bytes.Length - 4)
            return false;
        var slice = _bytes.Slice((int)at, 4);
        value = _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(slice) : BinaryPrimitives.ReadUInt32LittleEndian(slice);
        return true;
    }
}
