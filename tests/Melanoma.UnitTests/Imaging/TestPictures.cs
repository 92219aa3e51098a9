using System.Buffers.Binary;
using System.IO.Compression;
using Melanoma.Imaging;

namespace Melanoma.UnitTests.Imaging;

/// <summary>Pictures and files made in code, byte by byte where an encoder would not write them.</summary>
internal static class TestPictures
{
    /// <summary>Colour ramps with a corner that tells the orientation.</summary>
    public static RgbImage Ramp(int width, int height)
    {
        var image = new RgbImage(width, height);
        for (var y = 0; y < height; y++)
        {
            var row = image.Row(y);
            for (var x = 0; x < width; x++)
            {
                var corner = x < width / 4 && y < height / 4;
                row[3 * x] = (byte)(corner ? 250 : x * 255 / width);
                row[(3 * x) + 1] = (byte)(corner ? 20 : y * 255 / height);
                row[(3 * x) + 2] = (byte)(corner ? 20 : 128);
            }
        }

        return image;
    }

    public static RgbImage Noise(int width, int height, int seed)
    {
        var image = new RgbImage(width, height);
        new Random(seed).NextBytes(image.Pixels);
        return image;
    }

    public static RgbImage Flat(int width, int height, byte red, byte green, byte blue)
    {
        var image = new RgbImage(width, height);
        for (var at = 0; at < image.Pixels.Length; at += 3)
            (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]) = (red, green, blue);
        return image;
    }

    /// <summary>Puts an EXIF block with an orientation behind the first marker of a JPEG.</summary>
    public static byte[] WithOrientation(byte[] jpeg, int orientation)
    {
        byte[] exif = [.. "Exif\0\0"u8, .. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0];
        return [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    /// <summary>A PNG of any colour type; <paramref name="rows"/> are the packed rows without their filter bytes.</summary>
    public static byte[] Png(int width, int height, int bits, int colourType, byte[][] rows, params (string Type, byte[] Data)[] extra)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach (var row in rows)
            {
                zip.WriteByte(0);
                zip.Write(row);
            }
        }

        return PngAround(width, height, bits, colourType, packed.ToArray(), extra);
    }

    public static byte[] PngAround(int width, int height, int bits, int colourType, byte[] packed, params (string Type, byte[] Data)[] extra)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = ((byte)bits, (byte)colourType);
        IEnumerable<byte> file = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. Chunk("IHDR", header)];
        foreach (var (type, data) in extra)
            file = file.Concat(Chunk(type, data));
        return [.. file, .. Chunk("IDAT", packed), .. Chunk("IEND", [])];
    }

    /// <summary>A BMP with 24 bits a pixel.</summary>
    public static byte[] Bmp(RgbImage image, bool topDown = false)
    {
        var stride = ((image.Width * 3) + 3) / 4 * 4;
        var file = new byte[54 + (stride * image.Height)];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), 54);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), 40);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), image.Width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), topDown ? -image.Height : image.Height);
        (file[26], file[28]) = (1, 24);
        for (var y = 0; y < image.Height; y++)
        {
            var row = image.Row(topDown ? y : image.Height - 1 - y);
            for (var x = 0; x < image.Width; x++)
            {
                var at = 54 + (y * stride) + (3 * x);
                (file[at], file[at + 1], file[at + 2]) = (row[(3 * x) + 2], row[(3 * x) + 1], row[3 * x]);
            }
        }

        return file;
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data];
        var chunk = new byte[body.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(body.Length + 4), Crc(body));
        return chunk;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }

        return ~crc;
    }
}
