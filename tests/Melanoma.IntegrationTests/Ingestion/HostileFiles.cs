using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Melanoma.Samples;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Files and archives as careless and hostile senders make them.</summary>
internal static class HostileFiles
{
    private const int UnixLinkAttributes = 0xA1FF << 16;

    /// <summary>A small good picture; another seed gives another one.</summary>
    public static byte[] Picture(int seed) => SyntheticLesions.DrawJpeg(seed % 9, seed, 32);

    /// <summary>A PNG whose header claims the size, with nothing behind it.</summary>
    public static byte[] PngHeader(int width, int height)
    {
        var header = new byte[33];
        byte[] signature = [0x89, .. "PNG\r\n\u001a\n"u8, 0, 0, 0, 13, .. "IHDR"u8];
        signature.CopyTo(header, 0);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(20), height);
        header[24] = 8;
        header[25] = 2;
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(29), Crc(header.AsSpan(12, 17)));
        return [.. header, .. new byte[64]];
    }

    public static byte[] Zip(params (string Name, byte[] Bytes)[] entries) => Zip(_ => { }, entries);

    public static byte[] Zip(Action<ZipArchive> more, params (string Name, byte[] Bytes)[] entries)
    {
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8))
        {
            foreach (var (name, bytes) in entries)
                Add(archive, name, bytes, CompressionLevel.Fastest);
            more(archive);
        }

        return file.ToArray();
    }

    public static void AddLink(ZipArchive archive, string name, string target)
    {
        var entry = archive.CreateEntry(name);
        entry.ExternalAttributes = UnixLinkAttributes;
        using var stream = entry.Open();
        stream.Write(Encoding.UTF8.GetBytes(target));
    }

    /// <summary>An entry that unpacks to a thousand times what it takes in the archive.</summary>
    public static void AddBomb(ZipArchive archive, string name, int megabytes)
    {
        using var stream = archive.CreateEntry(name, CompressionLevel.SmallestSize).Open();
        var zeros = new byte[1024 * 1024];
        for (var i = 0; i < megabytes; i++)
            stream.Write(zeros);
    }

    public static TarEntry TarFile(string name, byte[] bytes) => new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) };

    public static byte[] Tar(params TarEntry[] entries)
    {
        using var file = new MemoryStream();
        using (var archive = new TarWriter(file, leaveOpen: true))
        {
            foreach (var entry in entries)
                archive.WriteEntry(entry);
        }

        return file.ToArray();
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var file = new MemoryStream();
        using (var stream = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(bytes);
        return file.ToArray();
    }

    /// <summary>A tar archive whose first entry says that so many bytes describe the next one.</summary>
    public static byte[] ExtendedHeader(int size)
    {
        var tar = Tar(new PaxTarEntry(TarEntryType.RegularFile, "a.jpg") { DataStream = new MemoryStream(Picture(1)) });
        Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0')).CopyTo(tar, 124);
        Encoding.ASCII.GetBytes("        ").CopyTo(tar, 148);
        var sum = tar.Take(512).Sum(value => value);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(tar, 148);
        return [.. tar[..512], .. new byte[size]];
    }

    /// <summary>Sets the flag "encrypted" of the first entry, in its own header and in the table of contents.</summary>
    public static byte[] Encrypt(byte[] zip)
    {
        zip[6] |= 1;
        var directory = zip.AsSpan().IndexOf("PK\u0001\u0002"u8);
        zip[directory + 8] |= 1;
        return zip;
    }

    /// <summary>Changes one byte in the middle of the first entry.</summary>
    public static byte[] Damage(byte[] zip, string name)
    {
        zip[30 + name.Length + 200] ^= 0x55;
        return zip;
    }

    private static void Add(ZipArchive archive, string name, byte[] bytes, CompressionLevel level)
    {
        using var stream = archive.CreateEntry(name, level).Open();
        stream.Write(bytes);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }

        return ~crc;
    }
}
