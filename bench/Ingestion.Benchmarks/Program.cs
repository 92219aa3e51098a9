using System.Globalization;
using System.Text.Json;
using Melanoma.Ingestion.Benchmarks;
using Melanoma.Testing;

// Usage: [--images N, default 100000; 0 for the nine-class delivery alone] [--json FILE] [--folder FOLDER for the drawn pictures].
// What runs beside it is in bench/README.md.
var count = int.Parse(Option("--images") ?? "100000", CultureInfo.InvariantCulture);
var folder = Option("--folder") ?? Path.Combine(Repository.Root, ".melanoma", "bench", "pictures");
await using var servers = new TestServers();
var sets = new List<PictureSet>();
if (PictureSet.NineClasses() is { } nine)
    sets.Add(nine);
else
    Console.Error.WriteLine("The nine-class delivery is not here and is left out.");
if (count > 0)
{
    Console.Error.WriteLine($"Drawing {count:N0} pictures, or finding them in {folder}");
    sets.Add(PictureSet.Drawn(folder, count));
}

var results = new List<SetFigures>();
Console.WriteLine(
    "| set | decode + hash | COPY | bare before | bare after | service | service / bare before, after | second delivery | second / first "
    + "| files | stored | near-duplicates | memory above start |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
foreach (var set in sets)
{
    var figures = await MeasureAsync(set);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| {figures.Set} | {figures.DecodeAndHash:0}/s | {figures.Copy:0}/s | {figures.BareBefore:0}/s | {figures.BareAfter:0}/s | {figures.Service:0}/s ")
        + string.Create(CultureInfo.InvariantCulture,
        $"| {figures.ServiceToBareBefore:0.00}, {figures.ServiceToBareAfter:0.00} | {figures.SecondDelivery:0}/s | {figures.SecondToFirst:0.0} ")
        + string.Create(CultureInfo.InvariantCulture,
        $"| {figures.Files} | {figures.Stored} | {figures.NearDuplicates} | {figures.MegabytesAboveStart:0} MB |"));
    results.Add(figures);
}

Console.WriteLine();
foreach (var (set, cpu) in results.Select(figures => (figures.Set, figures.Cpu)))
{
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"- {set}: {cpu.Bare:0.00} ms of processor time a picture in the bare program and {cpu.BarePostgres:0.00} in its PostgreSQL; {cpu.Sender:0.00} in the sender, {cpu.Service:0.00} in the service and {cpu.Postgres:0.00} in its PostgreSQL."));
}

foreach (var verdict in results.SelectMany(Goals.Judge))
    Console.WriteLine($"- {verdict}");
if (Option("--json") is { } json)
    await File.WriteAllTextAsync(json, JsonSerializer.Serialize(new { sets = results }, JsonSerializerOptions.Web));

async Task<SetFigures> MeasureAsync(PictureSet set)
{
    var decode = RawLimits.DecodeAndHash(set);
    var copy = await RawLimits.CopyAsync(set, await servers.CreateDatabaseAsync());
    var database = await servers.CreateDatabaseAsync();
    var begin = await CpuTime.NowAsync(null, database);
    var before = await RawLimits.DecodeHashAndCopyAsync(set, database);
    var bare = await CpuTime.NowAsync(null, database) - begin;
    database = await servers.CreateDatabaseAsync();
    await using var service = await ServiceRun.StartAsync(database, await servers.CreateVirtualHostAsync());
    begin = await CpuTime.NowAsync(service.Id, database);
    var (first, delivery) = await service.DeliverAsync(set);
    var cpu = await CpuTime.NowAsync(service.Id, database) - begin;
    var (second, _) = await service.DeliverAsync(set);
    var megabytes = service.PeakMegabytesAboveStart;

    // Once more after the service, because the machine may have become slower or faster meanwhile.
    var after = await RawLimits.DecodeHashAndCopyAsync(set, await servers.CreateDatabaseAsync());
    return new SetFigures(set.Name, decode, copy, before, after, first, second, delivery.Files, delivery.Stored, delivery.NearDuplicates, megabytes,
        new CpuFigures(PerPicture(bare.Bench), PerPicture(bare.Postgres), PerPicture(cpu.Bench), PerPicture(cpu.Service), PerPicture(cpu.Postgres)));

    double PerPicture(double seconds) => seconds * 1000 / set.Distinct;
}

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
