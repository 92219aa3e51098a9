using System.IO.Compression;
using Melanoma.Cli.Connection;
using Melanoma.Contracts;
using Melanoma.Samples;

namespace Melanoma.Cli.Commands;

/// <summary>The pictures of the demonstration.</summary>
internal static class DemoPictures
{
    private const int TrainPerClass = 60;
    private const int TestPerClass = 20;
    private const int Asked = 3;

    private static readonly string[] Preferred = ["melanoma", "nevus", "basal cell carcinoma"];

    public static int SyntheticCount => (TrainPerClass + TestPerClass) * Diagnoses.Count;

    /// <summary>Draws the synthetic delivery into the state folder, where `./melanoma reset` deletes it; each time the same.</summary>
    public static async Task<DeliverySource> DrawAsync(Action drawn, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(LocalStack.StateFolder, "cache", "demo", "synthetic-lesions");
        await SyntheticLesions.WriteAsync(folder, TrainPerClass, TestPerClass, drawn: drawn, cancellationToken: cancellationToken);
        return DeliverySource.Find(folder, "synthetic lesions");
    }

    /// <summary>Three pictures of different classes, from the Test folder where there is one.</summary>
    public static (IReadOnlyList<Picture> Pictures, bool AreTest) Choose(DeliverySource source)
    {
        var all = source.Files is [var only] && DeliverySource.IsZip(only.Path) ? InArchive(only.Path) : InFolder(source);
        var test = all.Where(item => item.IsTest).ToList();
        var chosen = (test.Count > 0 ? test : all)
            .GroupBy(item => item.Class)
            .OrderBy(group => Array.IndexOf(Preferred, group.Key) is >= 0 and var rank ? rank : Preferred.Length)
            .ThenBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => group.First())
            .Take(Asked);
        return ([.. chosen.Select(item => item.Picture)], test.Count > 0);
    }

    private static List<Candidate> InFolder(DeliverySource source) =>
        [.. source.Files.Where(file => IsPicture(file.Name)).Select(file => new Candidate(file.Name, Picture.FromFile(file.Path, file.Name)))];

    private static List<Candidate> InArchive(string path)
    {
        using var archive = ZipFile.OpenRead(path);
        return
        [
            .. archive.Entries.Where(entry => IsPicture(entry.FullName)).OrderBy(entry => entry.FullName, StringComparer.Ordinal)
                .Select(entry => new Candidate(entry.FullName, new Picture(entry.FullName, cancellationToken => ReadEntryAsync(path, entry.FullName, cancellationToken)))),
        ];
    }

    private static async Task<byte[]> ReadEntryAsync(string path, string name, CancellationToken cancellationToken)
    {
        await using var archive = await ZipFile.OpenReadAsync(path, cancellationToken);
        await using var content = await archive.GetEntry(name)!.OpenAsync(cancellationToken);
        using var bytes = new MemoryStream();
        await content.CopyToAsync(bytes, cancellationToken);
        return bytes.ToArray();
    }

    private static bool IsPicture(string name) => Path.GetExtension(name).ToUpperInvariant() is ".JPG" or ".JPEG" or ".PNG" or ".WEBP" or ".BMP" or ".TIF" or ".TIFF";

    private sealed record Candidate(string Name, Picture Picture)
    {
        private readonly string[] _parts = Name.Split('/');

        public string Class => _parts.Length >= 2 ? _parts[^2] : "";

        public bool IsTest => _parts.Length >= 3 && _parts[^3].Equals("Test", StringComparison.OrdinalIgnoreCase);
    }
}
