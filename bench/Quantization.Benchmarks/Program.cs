using System.Globalization;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Exports;
using Melanoma.Training.Models;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Quantization;

// Usage: EXPORT.zip [--model FOLDER] [--calibration N] [--pictures N] [--rounds N] [--cache FOLDER] [--only speed|answers] [--write FILE]; see bench/README.md.
var rounds = Number("--rounds", 7);
var only = Option("--only");
var cache = Directory.CreateDirectory(Option("--cache") ?? Path.Combine(Path.GetTempPath(), "melanoma-quantization")).FullName;
var export = ExportedDataset.Read(args[0]);
var precise = File.ReadAllBytes(Path.Combine(Option("--model") ?? "models", "model.onnx"));
var properties = PropertiesOf(precise);
var calibrating = Some(export.Where(row => row.Split == Split.Train), Number("--calibration", ActivationRanges.Pictures));

using var calibration = ExportedDataset.Decode(args[0], calibrating, properties.InputSize, Path.Combine(cache, "calibration"));
int[] all = [.. Enumerable.Range(0, calibrating.Length)];
var chosen = QuantizedExporter.Quantize(precise, calibration, all);
Console.WriteLine(FormattableString.Invariant($"\n{properties.Recipe} {properties.RecipeVersion} at {properties.InputSize} pixels, {calibrating.Length} pictures to calibrate: {precise.Length / 1e6:0.00} MB become {chosen.Length / 1e6:0.00}."));
if (Option("--write") is { } path)
{
    File.WriteAllBytes(path, chosen);
}

if (only != "answers")
{
    Speeds();
}

if (only != "speed")
{
    Answers();
}

void Speeds()
{
    var seed = NetworkCatalogue.SeedFinal;
    using var network = new Network(seed, seed: 1);
    var notebook = OnnxExporter.Export(seed, network.Weights(), OutputRule.Plain, []);
    using var pictures = ExportedDataset.Decode(args[0], calibrating, seed.InputSize, Path.Combine(cache, "calibration"));

    Head("Pictures per second on one thread", "network", "pictures at once", "fp32", "int8", "times as fast");
    Pair[] pairs = [new(seed.Name, seed.InputSize, notebook, QuantizedExporter.Quantize(notebook, pictures, [.. all.Take(32)])), new("the model", properties.InputSize, precise, chosen)];
    foreach (var pair in pairs)
    {
        foreach (var batch in (int[])[1, 8])
        {
            var speed = Speed.Measure(pair.Precise, pair.Quantized, pair.Side, batch, rounds);
            Console.WriteLine(FormattableString.Invariant($"| {pair.Name} | {batch} | {speed.Precise:0.0} | {speed.Quantized:0.0} | {speed.Ratio:0.00} |"));
        }
    }
}

// The test split stays unseen: what is chosen here, is chosen on validation.
void Answers()
{
    ExportedImage[] rows = Some(export.Where(row => row.Split == Split.Validation), Number("--pictures", int.MaxValue));
    using var pictures = ExportedDataset.Decode(args[0], rows, properties.InputSize, Path.Combine(cache, "validation"));
    var judge = new Judge(properties, rows);
    var reference = Judge.Ask(precise, pictures);

    Head(
        $"Answers to {rows.Length} pictures of validation",
        "model", "balanced accuracy, nine", "balanced accuracy, seven", "melanoma AUC", "sensitivity at t95", "sensitivity at t90", "diagnoses changed", "largest difference of a probability", "mean difference");
    Console.WriteLine(judge.Row("fp32", reference, reference));
    Console.WriteLine(judge.Row("int8", Judge.Ask(chosen, pictures), reference));
    Console.WriteLine(judge.Row("int8, whole ranges", Judge.Ask(QuantizedExporter.Quantize(precise, calibration, all, RangeRule.Whole), pictures), reference));
    Console.WriteLine(judge.Row("int8, weights of all eight bits", Judge.Ask(QuantizedExporter.Quantize(precise, calibration, all, largestPairedWeight: sbyte.MaxValue), pictures), reference));
}

static ModelProperties PropertiesOf(byte[] model)
{
    using var session = OnnxSession.Open(model);
    return ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap);
}

// Evenly over the export, whose rows are in the order of hashes.
static ExportedImage[] Some(IEnumerable<ExportedImage> rows, int most)
{
    var list = rows.ToArray();
    var count = Math.Min(most, list.Length);
    return [.. Enumerable.Range(0, count).Select(i => list[(int)((long)i * list.Length / count)])];
}

static void Head(string title, params string[] columns) =>
    Console.WriteLine($"\n## {title}\n\n| {string.Join(" | ", columns)} |\n|{string.Concat(Enumerable.Repeat(" --- |", columns.Length))}");

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;

int Number(string name, int otherwise) => Option(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

internal sealed record Pair(string Name, int Side, byte[] Precise, byte[] Quantized);
