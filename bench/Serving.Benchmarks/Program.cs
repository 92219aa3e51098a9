using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Melanoma.Serving.Benchmarks;
using Melanoma.Testing;

// Usage: [--seconds S a load, default 2.5] [--rounds N of what the ratios are of, default 5] [--model bundled|seed-final, default both] [--json FILE].
// What is compared with what is in bench/README.md.
const int RatioCallers = ModelFigures.RatioCallers;
int[] otherCallers = [1, 4, 64, 256];
(int Percent, string Name)[] loads = [(50, "50 % open"), (80, "80 % open"), (95, "95 % open"), (120, SideFigures.Overload)];
var length = TimeSpan.FromSeconds(double.Parse(Option("--seconds") ?? "2.5", CultureInfo.InvariantCulture));

// Many short rounds rather than few long ones: what else the machine does changes by the second.
var roundLength = length * 0.6;
var rounds = int.Parse(Option("--rounds") ?? "5", CultureInfo.InvariantCulture);
var pictures = Pictures.In(Path.Combine(Repository.Root, ".melanoma", "bench", "serving"));
var bundled = ServedModel.Bundled(Path.Combine(Repository.Root, "models"));
ServedModel[] models = [.. new[] { bundled, ServedModel.SeedFinal(bundled.Report, pictures) }.Where(model => Option("--model") is not { } only || only == model.Name)];
if (NodePeer.Missing() is { } reason)
    Console.Error.WriteLine($"The Node.js peer is left out: {reason}.");

await using var servers = new TestServers();
await using var stack = await ServingStack.StartAsync(servers, [.. models, .. models.Select(model => model.Published).OfType<ServedModel>()]);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{Environment.ProcessorCount} cores; JPEGs of 600 x 450, {pictures.MeanKilobytes:0} KB on average; {length.TotalSeconds:0.0} s a load, {rounds} rounds at {RatioCallers} callers."));
var results = new List<ModelFigures>();
foreach (var model in models)
{
    var figures = await MeasureAsync(model);
    Print(figures);
    results.Add(figures);
}

Console.Error.WriteLine("PNGs of 12000 x 12000, and the services idle");
var huge = await stack.AskHugeAsync();
var idle = await stack.IdleAsync(TimeSpan.FromSeconds(15));

// What the bare loops could not get, others had: then the ratios are rough and rates and latencies say little.
var shareOfCores = results.Min(one => PointFigures.Middle(one.Bare.Select(point => point.Cores))) / Environment.ProcessorCount;
string[] verdicts = [.. results.SelectMany(Goals.Judge), .. Goals.Judge(huge), .. Goals.Judge(idle)];
Console.WriteLine();
if (shareOfCores < 0.8)
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The machine was busy: the bare loops got {shareOfCores:0.00} of the cores. Take the verdicts for a hint alone, and repeat it.\n"));
foreach (var verdict in verdicts)
    Console.WriteLine($"- {verdict}");
if (Option("--json") is { } json)
{
    // Those of the bundled model, where it was measured.
    var ratios = results.FirstOrDefault(one => one.Model == bundled.Name)?.Ratios ?? results[0].Ratios;
    var format = new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };
    await File.WriteAllTextAsync(json, JsonSerializer.Serialize(new { ratios, results[0].Int8Reason, shareOfCores, models = results, huge, idle, verdicts }, format));
}

async Task<ModelFigures> MeasureAsync(ServedModel model)
{
    Console.Error.WriteLine($"{model.Name}: bare loops");
    var raw = BareLoop.BestRun(model.Onnx, model.Side, length / 3);
    var rawEightBits = BareLoop.BestRun(model.EightBits, model.Side, length / 3);
    var bareOne = BareLoop.DecodeAndRun(model, pictures, 1, length);
    await stack.PromoteAsync(model, pictures);
    using var peer = NodePeer.Missing() is null ? await NodePeer.StartAsync(model) : null;
    Side[] sides = [stack.Inference, stack.Gateway, .. peer is null ? Array.Empty<Side>() : [peer.Side]];

    await WarmUpAsync(sides);
    var compiling = 0.0;
    var bare = new List<PointFigures>();
    var repeated = sides.Select(_ => new List<PointFigures>()).ToArray();
    for (var round = 1; round <= rounds; round++)
    {
        Console.Error.WriteLine($"{model.Name}: round {round} at {RatioCallers} callers");
        bare.Add(BareLoop.DecodeAndRun(model, pictures, Environment.ProcessorCount, roundLength));
        foreach (var (number, side) in sides.Index())
        {
            var (point, seconds) = await stack.CompilingAsync(() => new Load(side, pictures, roundLength).ClosedAsync(RatioCallers));
            repeated[number].Add(point);
            compiling += seconds;
        }
    }

    var measured = new List<SideFigures>();
    foreach (var (number, side) in sides.Index())
    {
        Console.Error.WriteLine($"{model.Name}: {side.Name} under every load");
        var load = new Load(side, pictures, length);
        var points = new List<PointFigures> { repeated[number].OrderBy(point => point.PerCpuSecond).ElementAt(rounds / 2) };
        foreach (var callers in otherCallers)
            points.Add(await load.ClosedAsync(callers));
        points.Sort((one, other) => int.Parse(one.Load.Split(' ')[0], CultureInfo.InvariantCulture) - int.Parse(other.Load.Split(' ')[0], CultureInfo.InvariantCulture));
        var capacity = points.Max(point => point.PerSecond);
        foreach (var (percent, name) in loads)
            points.Add(await load.OpenAsync(capacity * percent / 100, name));
        measured.Add(new SideFigures(side.Name, side != peer?.Side, points, repeated[number]));
    }

    var published = new List<PublishedRound>();
    if (peer is not null && model.Published is { } file)
    {
        Console.Error.WriteLine($"{model.Name}: the file that is published, beside the peer");
        await stack.PromoteAsync(file, pictures);
        for (var round = 1; round <= rounds; round++)
        {
            published.Add(new PublishedRound(
                await new Load(stack.Gateway, pictures, roundLength).ClosedAsync(RatioCallers), await new Load(peer.Side, pictures, roundLength).ClosedAsync(RatioCallers)));
        }
    }

    return new ModelFigures(model.Name, raw, rawEightBits, bareOne, bare, measured, published, compiling);
}

// A service answers slowly at first and compiles meanwhile what is used often: nobody is judged by that time.
async Task WarmUpAsync(Side[] sides)
{
    const double Settled = 0.01;
    for (var left = 12; left > 0; left--)
    {
        var (compiling, before) = (0.0, await stack.Gateway.CpuSecondsAsync());
        foreach (var side in sides)
            compiling += (await stack.CompilingAsync(() => new Load(side, pictures, length).ClosedAsync(RatioCallers))).Seconds;
        if (compiling < Settled * (await stack.Gateway.CpuSecondsAsync() - before))
            return;
    }

    Console.Error.WriteLine("The services still compile what they use often: the machine is too busy, and the figures are worse than they should be.");
}

void Print(ModelFigures figures)
{
    Console.WriteLine($"\n## {figures.Model}\n");
    Console.WriteLine("| side | load | images/s | p50 ms | p95 ms | p99 ms | CPU ms an image | images/CPU-s | cores | refused/s | refusals, p99 ms | least delay told, ms | KB allocated an image |");
    Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    var raw = figures.Raw;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| ONNX Runtime | {raw.Loops} loops x {raw.ThreadsInside} threads, batch {raw.Batch} | {raw.PerSecond:0.0} | | | | {raw.CpuMs:0.00} | {1000 / raw.CpuMs:0.0} | | | | | |"));
    var bits = figures.RawEightBits;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| ONNX Runtime, eight bits | {bits.Loops} loops x {bits.ThreadsInside} threads, batch {bits.Batch} | {bits.PerSecond:0.0} | | | | {bits.CpuMs:0.00} | {1000 / bits.CpuMs:0.0} | | | | |"));
    Row("bare decode + run", figures.BareOne);
    Row("bare decode + run", figures.Bare.OrderBy(point => point.PerCpuSecond).ElementAt(figures.Bare.Count / 2));
    foreach (var side in figures.Sides)
    {
        foreach (var point in side.Points)
            Row(side.Name, point);
    }

    var ratios = figures.Ratios;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"\nservice_to_raw {ratios.ServiceToRaw:0.000}, gateway_to_raw {ratios.GatewayToRaw:0.000}, peer {ratios.Peer:0.000}, peer with the published file {ratios.PeerPublished:0.000}, int8_to_fp32 {ratios.Int8ToFp32:0.00}{(figures.Int8Reason is { } reason ? $" ({reason})" : "")}; {figures.CompilingSeconds:0.00} s went into compiling meanwhile; rounds: {Rounds(figures)}"));
}

// A reader sees how far the rounds lie apart.
string Rounds(ModelFigures figures) => string.Join("; ", new[] { ("bare", figures.Bare) }.Concat(figures.Sides.Select(side => (side.Name, side.Rounds)))
    .Select(side => $"{side.Item1} {string.Join(", ", side.Item2.Select(point => point.CpuMs.ToString("0.00", CultureInfo.InvariantCulture)))} ms"));

void Row(string side, PointFigures point) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"| {side} | {point.Load} | {point.PerSecond:0.0} | {point.P50:0.0} | {point.P95:0.0} | {point.P99:0.0} | {point.CpuMs:0.00} | {point.PerCpuSecond:0.0} | {point.Cores:0.00} ")
    + string.Create(CultureInfo.InvariantCulture, $"| {point.RefusedPerSecond:0.0} | {point.RefusalP99:0.0} | {point.LeastRetryMs:0} | {point.AllocatedBytes / 1000:0.0} |"));

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
