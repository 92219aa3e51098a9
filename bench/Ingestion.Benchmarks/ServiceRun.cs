using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Net.Client;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.Ingestion.Benchmarks;

/// <summary>The real service with all its checks, asked over gRPC.</summary>
internal sealed class ServiceRun : IAsyncDisposable
{
    private const int ChunkBytes = 512 * 1024;

    private readonly ServiceProcess _service;
    private readonly GrpcChannel _channel;
    private readonly double _megabytesAtStart;

    private ServiceRun(ServiceProcess service)
    {
        _service = service;
        _channel = PlayedGateway.Connect(service.Grpc);
        _megabytesAtStart = Megabytes("VmRSS");
    }

    /// <summary>How much memory the process needed at most above what it had when it was ready, in MB.</summary>
    public double PeakMegabytesAboveStart => Megabytes("VmHWM") - _megabytesAtStart;

    /// <summary>The operating system's process id.</summary>
    public int Id => _service.Id;

    public static async Task<ServiceRun> StartAsync(string database, string bus)
    {
        var environment = new Dictionary<string, string?> { ["ConnectionStrings__melanoma"] = database, ["ConnectionStrings__rabbitmq"] = bus };
        await ServiceProcess.RunAsync("Ingestion.Service", environment, ["migrate"]);
        var service = ServiceProcess.Start("Ingestion.Service", environment);
        await service.WaitUntilReadyAsync(CancellationToken.None);
        return new ServiceRun(service);
    }

    /// <summary>Delivers the set and waits for the answer.</summary>
    /// <returns>Distinct pictures a second, and what became of the files.</returns>
    public async Task<(double Rate, Delivery Delivery)> DeliverAsync(PictureSet set)
    {
        var watch = Stopwatch.StartNew();
        using var call = new ImageCatalog.ImageCatalogClient(_channel).Ingest();
        await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = set.Name } });
        var chunk = new byte[ChunkBytes];
        foreach (var (path, content) in set.OpenFiles())
        {
            await using (content)
            {
                await call.RequestStream.WriteAsync(new IngestRequest { File = new FileHeader { Path = path, Size = content.Length } });
                while (await content.ReadAsync(chunk) is > 0 and var count)
                    await call.RequestStream.WriteAsync(new IngestRequest { Chunk = UnsafeByteOperations.UnsafeWrap(chunk.AsMemory(0, count)) });
            }
        }

        await call.RequestStream.CompleteAsync();
        var delivery = await call.ResponseAsync;
        return (set.Distinct / watch.Elapsed.TotalSeconds, delivery);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _service.DisposeAsync();
    }

    private double Megabytes(string field)
    {
        var line = File.ReadLines($"/proc/{_service.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }
}
