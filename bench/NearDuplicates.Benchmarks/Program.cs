using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Melanoma.Imaging.Benchmarks;
using Melanoma.Testing;

// Near-duplicates found among real dermoscopy, and what it costs.
// Usage: [data folder, default MELANOMA_SHARED_DATA or ../shared/data beside the checkout] [--json FILE] [--pairs FILE: every pair found]
//        [--threshold: to see what lies below the default] [--growth: up to 1,000,000 pictures].
var json = Option("--json");
var pairsFile = Option("--pairs");
if (Option("--threshold") is { } threshold)
    Intake.Threshold = double.Parse(threshold, CultureInfo.InvariantCulture);
var folder = args.Length > 0 && !args[0].StartsWith("--", StringComparison.Ordinal) ? args[0] : SharedData.Folder;
string[] zips = ["isic9.zip", "ham10000-200x150.zip", "ham10000-224.zip"];
if (zips.FirstOrDefault(zip => !File.Exists(Path.Combine(folder, zip))) is { } missing)
{
    Console.WriteLine($"Skipped: {Path.Combine(folder, missing)} is not there. Name the folder that holds {string.Join(", ", zips)}, labels.csv and near-duplicates.csv.");
    return;
}

var invariant = CultureInfo.InvariantCulture;
var watch = Stopwatch.StartNew();
var truth = new Truth(folder);
var collections = zips.Select(zip => Collection.Read(Path.Combine(folder, zip))).ToArray();
var (nine, small, half) = (collections[0], collections[1], collections[2]);
Console.WriteLine(string.Create(invariant, $"{nine.Length} + {small.Length} + {half.Length} pictures read and decoded in {watch.Elapsed.TotalSeconds:0} s."));

var figures = new Dictionary<string, object>();
List<FoundPair> all = [];
foreach (var (name, a, b, aName, bName) in new[] { ("isic9 against ham10000-200x150", nine, small, "isic9", "ham10000-200x150"), ("ham10000-224 against ham10000-200x150", small, half, "ham10000-200x150", "ham10000-224") })
{
    var (cross, within, intake) = CrossCheck.Run(aName, a, bName, b, truth);
    Console.WriteLine($"\n{name}\n| half | shared ids found | recall | precision | at least | true pairs | same lesion, not viewed | listed, not viewed | false |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    foreach (var line in cross)
        Console.WriteLine(CrossCheck.Line(line));
    Console.WriteLine("\n| within | same id | verified by a person | same lesion | listed, not viewed | different lesions |\n| --- | --- | --- | --- | --- | --- |");
    foreach (var line in within)
        Console.WriteLine(CrossCheck.Line(line));
    Console.WriteLine(string.Create(invariant, $"Mean candidates a picture {(double)intake.Candidates / intake.Sought:0.00}."));
    figures[name] = new { cross, within, candidates = (double)intake.Candidates / intake.Sought };
    all.AddRange(intake.Found);
}

figures["planted"] = Planted.Run(Path.Combine(folder, zips[1]), [.. nine, .. small], truth, all);
figures["cost"] = Cost.Run(Path.Combine(folder, zips[1]), small);
if (args.Contains("--growth"))
    figures["growth"] = Growth.Run(small, nine);
if (pairsFile is not null)
{
    File.WriteAllLines(pairsFile, all.Select(p => string.Create(invariant,
        $"{truth.Of(p.Newer.IsicId, p.Older.IsicId)},{p.Match.Similarity:0.000},{p.Newer.IsicId},{p.Older.IsicId},{p.Newer.Path},{p.Older.Path},\"{p.Match.Transform}\"")));
}

if (json is not null)
    File.WriteAllText(json, JsonSerializer.Serialize(figures, new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true }));

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
