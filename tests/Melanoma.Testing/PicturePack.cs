using System.IO.Compression;

namespace Melanoma.Testing;

/// <summary>A ZIP of real pictures that are called by their ISIC ids, and what the metadata of HAM10000 says of those ids.</summary>
public static class PicturePack
{
    private const string PictureEnding = ".jpg";
    private const int IsicIdLength = 12;

    /// <summary>The pictures in the order of their paths; the id is the name without what follows the seven digits.</summary>
    /// <param name="zip">The ZIP's path.</param>
    public static IEnumerable<(string Path, string IsicId, byte[] Bytes)> Read(string zip)
    {
        using var archive = ZipFile.OpenRead(zip);
        foreach (var entry in Entries(archive))
            yield return (entry.FullName, entry.Name[..IsicIdLength], Bytes(entry));
    }

    /// <summary>As many pictures as asked for, drawn by a seed.</summary>
    /// <param name="zip">The ZIP's path.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">The same seed draws the same ones.</param>
    public static (string IsicId, byte[] Bytes)[] Draw(string zip, int count, int seed)
    {
        using var archive = ZipFile.OpenRead(zip);
        var entries = Entries(archive).ToArray();
        new Random(seed).Shuffle(entries);
        return [.. entries.Take(count).Select(entry => (entry.Name[..IsicIdLength], Bytes(entry)))];
    }

    /// <summary>The lesion of each ISIC id, as the table <c>HAM10000_metadata.csv</c> in the ZIP has it.</summary>
    /// <param name="zip">The ZIP's path.</param>
    public static Dictionary<string, string> ReadLesions(string zip)
    {
        using var archive = ZipFile.OpenRead(zip);
        using var table = new StreamReader(archive.GetEntry("HAM10000_metadata.csv")!.Open());
        var lesions = new Dictionary<string, string>();
        table.ReadLine();
        while (table.ReadLine() is { } line)
        {
            // Lesion and image are its first columns, and no field of them is quoted.
            var fields = line.Split(',');
            lesions.Add(fields[1], fields[0]);
        }

        return lesions;
    }

    private static IEnumerable<ZipArchiveEntry> Entries(ZipArchive archive) => archive.Entries
        .Where(entry => entry.Name.EndsWith(PictureEnding, StringComparison.Ordinal)).OrderBy(entry => entry.FullName, StringComparer.Ordinal);

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
