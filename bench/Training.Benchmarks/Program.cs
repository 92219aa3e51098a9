using System.Globalization;
using System.Text.Json;
using Melanoma.Training;
using Melanoma.Training.Benchmarks;
using Melanoma.Training.Loop;
using Melanoma.Training.Recipes;
using Melanoma.Training.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

// Usage: [--side PIXELS] [--batch N] [--steps N] [--rounds N] [--threads N] [--device auto|cpu|cuda] [--json FILE]. What it measures is in bench/README.md.
var (side, batch, steps, rounds) = (Number("--side", 128), Number("--batch", 64), Number("--steps", 6), Number("--rounds", 3));
var threads = Number("--threads", Environment.ProcessorCount);
var device = new TrainingDevice(Options.Create(new TrainingOptions { Device = Option("--device") ?? "auto", Threads = threads }), NullLogger<TrainingDevice>.Instance);
var recipe = TrainingRecipes.Newest("standard") with { BatchSize = batch };
var settings = TrainerSettings.For(device.Device);
var speed = new TrainingSpeed(recipe, side, settings);
var results = new List<Round>();
Console.WriteLine($"EfficientNet-Lite0, {side} pixels, batch {batch}, {threads} threads, {device.Device}, {settings.Precision}, images/s");
Console.WriteLine("| step alone | epoch, no augmentation | epoch | plain PyTorch | epoch without augmentation / step | epoch / step | step / PyTorch |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
for (var round = 0; round < rounds; round++)
{
    var result = new Round(
        await device.RunAsync(() => speed.StepAlone(steps)),
        await device.RunAsync(() => speed.Epoch(steps, augmented: false)),
        await device.RunAsync(() => speed.Epoch(steps, augmented: true)),
        PlainPyTorch.ImagesPerSecond(device.Device.type.ToString().ToLowerInvariant(), side, batch, threads, steps));
    results.Add(result);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {result.Step:0.0} | {result.BareEpoch:0.0} | {result.Epoch:0.0} | {result.PyTorch:0.0} | {result.BareEpoch / result.Step:0.00} | {result.Epoch / result.Step:0.00} | {result.Step / result.PyTorch:0.00} |"));
}

Console.WriteLine($"- whole epoch at least 0.95 of the step alone: {Verdict(results.Select(result => result.Epoch / result.Step), 0.95)}.");
if (results.All(result => result.PyTorch is not null))
{
    Console.WriteLine($"- step at least 1.0 of plain PyTorch: {Verdict(results.Select(result => result.Step / result.PyTorch!.Value), 1)}.");
}

if (Option("--json") is { } json)
{
    await File.WriteAllTextAsync(json, JsonSerializer.Serialize(new { side, batch, threads, device = device.Device.ToString(), rounds = results }, JsonSerializerOptions.Web));
}

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;

int Number(string name, int otherwise) => Option(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

static string Verdict(IEnumerable<double> ratios, double goal)
{
    // The rounds' median: another program may have had the processor in one of them.
    var sorted = ratios.Order().ToArray();
    var median = sorted[sorted.Length / 2];
    return string.Create(CultureInfo.InvariantCulture, $"{median:0.00} ({sorted[0]:0.00} to {sorted[^1]:0.00}), {(median >= goal ? "met" : "NOT met")}");
}

/// <summary>Images per second of one round.</summary>
internal sealed record Round(double Step, double BareEpoch, double Epoch, double? PyTorch);
