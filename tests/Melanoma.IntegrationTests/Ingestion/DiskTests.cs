using Grpc.Core;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DiskTests(TestServers servers) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("melanoma-disk-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Should_take_nothing_in_and_say_why_when_a_disk_has_too_little_room()
    {
        await using var host = await IngestionHost.StartAsync(
            servers, Cancellation,
            ("Ingestion__Deliveries__MinFreeDiskBytes", $"{long.MaxValue}"), ("Ingestion__Deliveries__DatabaseFolder", _folder),
            ("Ingestion__DropFolder__Path", _folder), ("Ingestion__DropFolder__QuietSeconds", "1"), ("Ingestion__DropFolder__SweepSeconds", "1"));
        var dropped = Path.Combine(_folder, "picture.jpg");
        await File.WriteAllBytesAsync(dropped, HostileFiles.Picture(1), Cancellation);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => host.DeliverAsync("sent", [("picture.jpg", HostileFiles.Picture(1))], Cancellation));
        await IngestionHost.WaitAsync(() => Task.FromResult(host.Log.Contains("MiB free", StringComparison.Ordinal)), Cancellation);
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM disk_measurements", Cancellation) == 3, Cancellation);

        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Contains("until there is more room", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.True(File.Exists(dropped));
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM deliveries", Cancellation));
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM disk_measurements WHERE free_bytes BETWEEN 1 AND limit_bytes - 1 AND holds IN ('spool', 'database')", Cancellation));
        Assert.Equal(1, await host.QueryAsync<long>("SELECT count(*) FROM disk_measurements WHERE holds = 'drop-folder' AND free_bytes <= total_bytes", Cancellation));
    }
}
