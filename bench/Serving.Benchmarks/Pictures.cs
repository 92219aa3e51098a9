using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Samples;

namespace Melanoma.Serving.Benchmarks;

/// <summary>Drawn dermoscopy of 600 x 450 as JPEG: the same for all sides, and no two questions with the same bytes.</summary>
internal sealed class Pictures
{
    private const int Count = 128;
    private const int Width = 600;
    private const int Height = 450;
    private const int Quality = 92;
    private const int NumberBytes = 8;

    private readonly byte[][] _jpegs;
    private long _asked;

    private Pictures(byte[][] jpegs) => _jpegs = jpegs;

    public double MeanKilobytes => _jpegs.Average(jpeg => jpeg.Length) / 1000;

    /// <summary>Draws them, or finds them where an earlier run has left them.</summary>
    public static Pictures In(string folder)
    {
        Directory.CreateDirectory(folder);
        var jpegs = new byte[Count][];
        Parallel.For(0, Count, number =>
        {
            var path = Path.Combine(folder, $"{number:0000}.jpg");
            if (!File.Exists(path))
            {
                var unfinished = path + ".tmp";
                File.WriteAllBytes(unfinished, ImageEncoder.EncodeJpeg(Draw(number), Quality));
                File.Move(unfinished, path);
            }

            jpegs[number] = File.ReadAllBytes(path);
        });
        return new Pictures(jpegs);
    }

    /// <summary>One of them, by a number that may rise for ever.</summary>
    public byte[] At(long number) => _jpegs[number % Count];

    /// <summary>The next question's picture. A number in a JPEG comment makes its bytes new, so that nobody can answer it from memory.</summary>
    public ByteString Next()
    {
        var number = Interlocked.Increment(ref _asked);
        var jpeg = At(number);
        var marked = GC.AllocateUninitializedArray<byte>(jpeg.Length + 4 + NumberBytes);
        jpeg.AsSpan(0, 2).CopyTo(marked);
        ReadOnlySpan<byte> comment = [0xFF, 0xFE, 0, NumberBytes + 2];
        comment.CopyTo(marked.AsSpan(2));
        BinaryPrimitives.WriteInt64BigEndian(marked.AsSpan(6), number);
        jpeg.AsSpan(2).CopyTo(marked.AsSpan(6 + NumberBytes));
        return UnsafeByteOperations.UnsafeWrap(marked);
    }

    /// <summary>A whole, honest PNG of one colour: small as a file and far too large as a picture.</summary>
    public static byte[] LargePng(int side)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var row = new byte[1 + (3 * side)];
            row.AsSpan(1).Fill(200);
            for (var y = 0; y < side; y++)
                zip.Write(row);
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), side);
        (header[8], header[9]) = (8, 2);
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, [])];
    }

    private static RgbImage Draw(int number)
    {
        var square = SyntheticLesions.Draw(number % Diagnoses.Count, number, Width);
        var image = new RgbImage(Width, Height);
        for (var y = 0; y < Height; y++)
            square.Row(y + ((Width - Height) / 2)).CopyTo(image.Row(y));
        return image;
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] data)
    {
        byte[] chunk = [0, 0, 0, 0, .. type, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc(chunk.AsSpan(4, chunk.Length - 8)));
        return chunk;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
        }

        return ~crc;
    }
}
