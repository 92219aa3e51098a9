using System.Globalization;
using System.Text.Json;
using Melanoma.Ingestion.Benchmarks;
using Melanoma.Testing;

// Usage: [--images N, default 100000] [--json FILE] [--folder FOLDER for the drawn pictures]. What runs beside it is in bench/README.md.
var count = int.Parse(Option("--images") ?? "100000", CultureInfo.InvariantCulture);
var folder = Option("--folder") ?? Path.Combine(Repository.Root, ".melanoma", "bench", "pictures");
await using var servers = new TestServers();
Console.Error.WriteLine($"Drawing {count:N0} pictures, or finding them in {folder}");
PictureSet?[] sets = [PictureSet.NineClasses(), PictureSet.Drawn(folder, count)];
if (sets[0] is null)
    Console.Error.WriteLine("The nine-class delivery is not here and is left out.");

var results = new List<object>();
Console.WriteLine("| set | decode + hash | COPY | decode, hash and COPY | service | service / bare | second delivery | first / second | stored | near-duplicates | memory above start |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
foreach (var set in sets.OfType<PictureSet>())
{
    var decode = RawLimits.DecodeAndHash(set);
    var copy = await RawLimits.CopyAsync(set, await servers.CreateDatabaseAsync());
    var before = await RawLimits.DecodeHashAndCopyAsync(set, await servers.CreateDatabaseAsync());
    await using var service = await ServiceRun.StartAsync(await servers.CreateDatabaseAsync(), await servers.CreateVirtualHostAsync());
    var (first, delivery) = await service.DeliverAsync(set);
    var (second, _) = await service.DeliverAsync(set);

    // Once more after the service, because the machine may have become slower or faster meanwhile.
    var after = await RawLimits.DecodeHashAndCopyAsync(set, await servers.CreateDatabaseAsync());
    var bare = (before + after) / 2;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| {set.Name} | {decode:0}/s | {copy:0}/s | {bare:0}/s | {first:0}/s | {first / bare:0.00} | {second:0}/s | {second / first:0.0} | {delivery.Stored} | {delivery.NearDuplicates} | {service.PeakMegabytesAboveStart:0} MiB |"));
    results.Add(new
    {
        set = set.Name,
        decodeAndHash = decode,
        copy,
        bareBefore = before,
        bareAfter = after,
        service = first,
        serviceToBare = first / bare,
        secondDelivery = second,
        secondToFirst = second / first,
        stored = delivery.Stored,
        nearDuplicates = delivery.NearDuplicates,
        megabytesAboveStart = service.PeakMegabytesAboveStart,
    });
}

if (Option("--json") is { } json)
    await File.WriteAllTextAsync(json, JsonSerializer.Serialize(new { sets = results }));

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
