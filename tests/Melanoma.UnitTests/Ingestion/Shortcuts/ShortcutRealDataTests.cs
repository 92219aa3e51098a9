using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Ingestion.Shortcuts;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Ingestion.Shortcuts;

/// <summary>What an audit by hand found in the two collections, found again by the code.</summary>
public sealed class ShortcutRealDataTests
{
    private static readonly Dictionary<string, DiagnosisSet> HamLabels = new(StringComparer.Ordinal)
    {
        ["akiec"] = DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma),
        ["bcc"] = DiagnosisSet.Of(Diagnosis.BasalCellCarcinoma),
        ["bkl"] = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis),
        ["df"] = DiagnosisSet.Of(Diagnosis.Dermatofibroma),
        ["mel"] = DiagnosisSet.Of(Diagnosis.Melanoma),
        ["nv"] = DiagnosisSet.Of(Diagnosis.Nevus),
        ["vasc"] = DiagnosisSet.Of(Diagnosis.VascularLesion),
    };

    private static readonly Lazy<List<ShortcutImage>> NineClasses = new(ReadNineClasses);
    private static readonly Lazy<List<ShortcutImage>> Ham = new(ReadHam);

    [Fact]
    public void Should_name_the_collection_when_the_nine_classes_are_settled()
    {
        var report = ShortcutAnalysis.Analyse(NineClasses.Value);

        Print("nine classes, settled", report);
        var source = report.Properties.Single(property => property.Name == "source");
        Assert.InRange(source.CramersV, 0.93, 0.99);
        Assert.Contains("no melanoma and no nevus comes from HAM10000, ", source.Sentence, StringComparison.Ordinal);
        Assert.Matches("(98|99) % of the other classes do$", source.Sentence);
        Assert.Contains(report.Warnings, warning => warning.Contains(source.Sentence, StringComparison.Ordinal));
        Assert.True(report.ClassifierBalancedAccuracy > 1.5 * report.ChanceBalancedAccuracy);
        var told = report.ClassifierAucs.Where(auc => auc.Class == HamLabels["mel"] || auc.Class == HamLabels["nv"]);
        Assert.All(told, auc => Assert.True(auc.Auc > 0.85, $"{auc}"));
    }

    [Fact]
    public void Should_not_warn_of_the_collection_when_all_comes_from_one()
    {
        var report = ShortcutAnalysis.Analyse(Ham.Value);

        Print("HAM10000 alone", report);
        Assert.Equal(0, report.Properties.Single(property => property.Name == "source").Strength);
        Assert.Empty(report.Warnings);
    }

    [Fact]
    public void Should_say_less_of_the_collection_when_both_are_mixed()
    {
        var report = ShortcutAnalysis.Analyse([.. NineClasses.Value, .. Ham.Value]);

        Print("both", report);
        Assert.InRange(report.Properties.Single(property => property.Name == "source").CramersV, 0.1, 0.6);
    }

    private static List<ShortcutImage> ReadNineClasses()
    {
        var groups = Groups();
        using var pictures = ZipFile.OpenRead(SharedData.Require("isic9.zip"));
        var images = new List<ShortcutImage>();
        foreach (var row in Rows("labels.csv"))
        {
            Assert.True(Diagnoses.TryParse(row["adjudicated"], out var diagnosis), row["adjudicated"]);
            images.Add(Image(pictures, row["file"], DiagnosisSet.Of(diagnosis), groups[row["isic_id"]], row["in_ham"] == "1" ? "HAM10000" : "ISIC archive"));
        }

        return images;
    }

    private static List<ShortcutImage> ReadHam()
    {
        var groups = Groups();
        using var pictures = ZipFile.OpenRead(SharedData.Require("ham10000-200x150.zip"));
        using var metadata = new StreamReader(pictures.GetEntry("HAM10000_metadata.csv")!.Open());
        return [.. Rows(metadata).Where(row => pictures.GetEntry($"images/{row["image_id"]}.jpg") is not null)
            .Select(row => Image(pictures, $"images/{row["image_id"]}.jpg", HamLabels[row["dx"]], groups[row["image_id"]], "HAM10000"))];
    }

    private static ShortcutImage Image(ZipArchive pictures, string path, DiagnosisSet label, string group, string source)
    {
        using var content = new MemoryStream();
        using (var entry = pictures.GetEntry(path)!.Open())
            entry.CopyTo(content);
        var file = content.ToArray();
        var square = new RgbImage(PictureMeasures.Side, PictureMeasures.Side);
        Assert.True(ImageInspector.TryInspect(file, ImageLimits.Default, out var header, out _));
        Assert.True(ImageDecoder.TryDecodeToSketch(file, PictureMeasures.Side, square.Pixels, ImageLimits.Default, out _));
        var (quality, properties) = PictureMeasures.Of(square, header, file);
        var id = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(group)).AsSpan(0, 16));
        return new(label, id, source, "CC BY-NC 4.0", header.UprightWidth, header.UprightHeight, quality.Sharpness, properties);
    }

    private static Dictionary<string, string> Groups() => Rows("folds.csv").ToDictionary(row => row["isic_id"], row => row["group"], StringComparer.Ordinal);

    private static List<Dictionary<string, string>> Rows(string file)
    {
        using var reader = new StreamReader(SharedData.Require(file));
        return [.. Rows(reader)];
    }

    // None of the columns that are read here comes after a quoted one.
    private static IEnumerable<Dictionary<string, string>> Rows(StreamReader reader)
    {
        var names = reader.ReadLine()!.Split(',');
        while (reader.ReadLine() is { } line)
            yield return names.Zip(line.Split(',')).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
    }

    private static void Print(string title, ShortcutReport report)
    {
        var output = TestContext.Current.TestOutputHelper;
        output?.WriteLine($"{title}: balanced accuracy {report.ClassifierBalancedAccuracy:0.000}, chance {report.ChanceBalancedAccuracy:0.000}");
        foreach (var property in report.Properties)
            output?.WriteLine($"  {property.Name}: V {property.CramersV:0.00}, {property.StrongestClass}: {property.StrongestV:0.00}; {property.Sentence}");
        foreach (var auc in report.ClassifierAucs)
            output?.WriteLine($"  AUC {auc.Class}: {auc.Auc:0.00}");
        foreach (var warning in report.Warnings)
            output?.WriteLine($"  ! {warning}");
    }
}
