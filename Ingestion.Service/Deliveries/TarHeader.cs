using System.Buffers.Binary;
using System.Text;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>A block of 512 bytes that begins an entry of a tar archive (POSIX.1-1988 ustar, and the older format without a magic).</summary>
/// <param name="Name">The path.</param>
/// <param name="Type">The type flag: <c>0</c> a file, <c>5</c> a folder, and so on.</param>
/// <param name="Size">Bytes of its data.</param>
internal sealed record TarHeader(string Name, char Type, long Size)
{
    public const int Bytes = 512;

    /// <summary>No archive has larger entries, and no sum of two sizes overflows.</summary>
    public const long MaxSize = 1L << 60;

    private const int ChecksumAt = 148;
    private const int ChecksumBytes = 8;

    /// <summary>Reads a header; false when the bytes are none, which the checksum tells.</summary>
    public static bool TryRead(ReadOnlySpan<byte> block, out TarHeader? header)
    {
        header = null;
        if (block.Length < Bytes || block[0] == 0)
            return false;
        block = block[..Bytes];
        if (Number(block.Slice(ChecksumAt, ChecksumBytes)) is not { } checksum || !IsChecksum(block, checksum) || Number(block.Slice(124, 12)) is not { } size)
            return false;

        var name = Text(block[..100]);

        // GNU's own magic ends otherwise, and has other fields where the prefix would be.
        if (block.Slice(257, 6).SequenceEqual("ustar\0"u8) && block[345] != 0)
            name = $"{Text(block.Slice(345, 155))}/{name}";
        header = new TarHeader(name, block[156] == 0 ? '0' : (char)block[156], size);
        return true;
    }

    /// <summary>Text up to the first zero.</summary>
    public static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    // The old tools summed signed bytes.
    private static bool IsChecksum(ReadOnlySpan<byte> block, long checksum)
    {
        long plain = ChecksumBytes * ' ';
        var signed = plain;
        for (var i = 0; i < block.Length; i++)
        {
            if (i is >= ChecksumAt and < ChecksumAt + ChecksumBytes)
                continue;
            plain += block[i];
            signed += (sbyte)block[i];
        }

        return checksum == plain || checksum == signed;
    }

    // Octal digits; a set highest bit says that a binary number follows, for sizes from 8 GiB.
    private static long? Number(ReadOnlySpan<byte> field)
    {
        if (field[0] == 0x80)
        {
            var value = BinaryPrimitives.ReadInt64BigEndian(field[^8..]);
            return value is >= 0 and <= MaxSize ? value : null;
        }

        var digits = field.Trim(" \0"u8);
        long number = 0;
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7')
                return null;
            number = (number << 3) | (uint)(digit - '0');
        }

        return digits.IsEmpty ? null : number;
    }
}
