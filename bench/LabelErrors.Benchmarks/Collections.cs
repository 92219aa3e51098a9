using System.IO.Compression;
using System.Security.Cryptography;
using Melanoma.Contracts;

namespace Melanoma.Training.Benchmarks;

/// <summary>One distinct picture of a collection.</summary>
/// <param name="Id">ISIC id; the collection's name stands in front of those of HAM10000.</param>
/// <param name="Group">Lesion, by every official id there is.</param>
/// <param name="Truth">The settled label of the nine-class collection, or HAM10000's diagnosis as a set.</param>
/// <param name="Files">Where it lies in the nine-class collection.</param>
internal sealed record Picture(string Id, string Isic, string Group, DiagnosisSet Truth, byte[] Bytes, IReadOnlyList<string> Files);

/// <summary>The real picture collections, read from a folder that is not part of the repository.</summary>
internal static class Collections
{
    /// <summary>The nine-class collection, distinct contents only.</summary>
    public static List<Picture> NineClasses(string folder)
    {
        var labels = Table(File.ReadLines(Path.Combine(folder, "labels.csv"))).ToDictionary(row => row["file"]);
        var groups = Groups(folder);
        return
        [
            .. Pictures(Path.Combine(folder, "isic9.zip")).GroupBy(file => Convert.ToHexStringLower(SHA256.HashData(file.Bytes))).Select(copies =>
            {
                var row = labels[copies.First().Path];
                var (id, bytes) = (row["isic_id"], copies.First().Bytes);
                return new Picture(copies.Key, id, groups[id], Named(row["adjudicated"]), bytes, [.. copies.Select(file => file.Path)]);
            }),
        ];
    }

    /// <summary>HAM10000 at 200 x 150.</summary>
    public static List<Picture> Ham(string folder)
    {
        var path = Path.Combine(folder, "ham10000-200x150.zip");
        var groups = Groups(folder);
        using var archive = ZipFile.OpenRead(path);
        using var reader = new StreamReader(archive.GetEntry("HAM10000_metadata.csv")!.Open());
        var diagnoses = Table(reader.ReadToEnd().Split('\n')).ToDictionary(row => row["image_id"], row => OfHam(row["dx"]));
        return
        [
            .. Pictures(path).Select(file => (Id: Path.GetFileNameWithoutExtension(file.Path), file.Bytes))
                .Select(file => new Picture($"HAM/{file.Id}", file.Id, groups[file.Id], diagnoses[file.Id], file.Bytes, [])),
        ];
    }

    /// <summary>HAM10000's own lesion ids by ISIC id.</summary>
    public static Dictionary<string, string> HamLesions(string folder)
    {
        using var archive = ZipFile.OpenRead(Path.Combine(folder, "ham10000-200x150.zip"));
        using var reader = new StreamReader(archive.GetEntry("HAM10000_metadata.csv")!.Open());
        return Table(reader.ReadToEnd().Split('\n')).ToDictionary(row => row["image_id"], row => row["lesion_id"]);
    }

    /// <summary>The files of the nine-class collection that lie in a wrong folder.</summary>
    public static HashSet<string> WrongFiles(string folder) =>
        [.. Table(File.ReadLines(Path.Combine(folder, "labels.csv"))).Where(row => row["wrong_folder"] == "1").Select(row => row["file"])];

    public static DiagnosisSet Named(string name) =>
        Diagnoses.TryParse(name, out var diagnosis) ? DiagnosisSet.Of(diagnosis) : throw new InvalidDataException($"'{name}' is no diagnosis.");

    private static DiagnosisSet OfHam(string name) => name switch
    {
        "akiec" => DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma),
        "bcc" => DiagnosisSet.Of(Diagnosis.BasalCellCarcinoma),
        "bkl" => DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis),
        "df" => DiagnosisSet.Of(Diagnosis.Dermatofibroma),
        "mel" => DiagnosisSet.Of(Diagnosis.Melanoma),
        "nv" => DiagnosisSet.Of(Diagnosis.Nevus),
        "vasc" => DiagnosisSet.Of(Diagnosis.VascularLesion),
        _ => throw new InvalidDataException($"HAM10000 has no diagnosis '{name}'."),
    };

    private static Dictionary<string, string> Groups(string folder) =>
        Table(File.ReadLines(Path.Combine(folder, "folds.csv"))).ToDictionary(row => row["isic_id"], row => row["group"]);

    private static List<(string Path, byte[] Bytes)> Pictures(string path)
    {
        var pictures = new List<(string, byte[])>();
        using var archive = ZipFile.OpenRead(path);
        var entries = archive.Entries.Where(entry => entry.Name.EndsWith(".jpg", StringComparison.Ordinal));
        foreach (var entry in entries.OrderBy(entry => entry.FullName, StringComparer.Ordinal))
        {
            using var stream = entry.Open();
            var bytes = new byte[entry.Length];
            stream.ReadExactly(bytes);
            pictures.Add((entry.FullName, bytes));
        }

        return pictures;
    }

    /// <summary>Comma-separated lines with a header; only the last column may hold commas.</summary>
    private static IEnumerable<Dictionary<string, string>> Table(IEnumerable<string> lines)
    {
        string[]? header = null;
        foreach (var line in lines.Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0))
        {
            if (header is null)
            {
                header = line.Split(',');
                continue;
            }

            yield return header.Zip(line.Split(',', header.Length)).ToDictionary(pair => pair.First, pair => pair.Second);
        }
    }
}
