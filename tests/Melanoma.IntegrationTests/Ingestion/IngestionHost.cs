using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.V1;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>The real service on a database of its own, and its public door.</summary>
internal sealed class IngestionHost : IAsyncDisposable
{
    private const int ChunkBytes = 256 * 1024;

    private readonly Dictionary<string, string?> _environment;
    private GrpcChannel _channel;
    private ServiceProcess _process;

    private IngestionHost(Dictionary<string, string?> environment, NpgsqlDataSource database, ServiceProcess process)
    {
        _environment = environment;
        Database = database;
        _process = process;
        _channel = PlayedGateway.Connect(process.Grpc);
    }

    public NpgsqlDataSource Database { get; }

    public Uri Grpc => _process.Grpc;

    public Uri Http => _process.Http;

    public ImageCatalog.ImageCatalogClient Catalog => new(_channel);

    public Datasets.DatasetsClient Datasets => new(_channel);

    public Reviews.ReviewsClient Reviews => new(_channel);

    public TrainingRuns.TrainingRunsClient Runs => new(_channel);

    public CrossValidations.CrossValidationsClient CrossValidations => new(_channel);

    /// <summary>Where the service sends its events.</summary>
    public Uri Broker => new(_environment["ConnectionStrings__rabbitmq"]!);

    public string Log => _process.Log;

    /// <summary>The most memory that the service ever had resident, in bytes.</summary>
    public long PeakMemoryBytes => MemoryBytes("VmHWM:");

    /// <summary>The memory that the service has resident now, in bytes.</summary>
    public long ResidentMemoryBytes => MemoryBytes("VmRSS:");

    public static async Task<IngestionHost> StartAsync(TestServers servers, CancellationToken cancellationToken, params (string Name, string Value)[] settings)
    {
        var database = await servers.CreateMigratedDatabaseAsync(cancellationToken);
        var environment = new Dictionary<string, string?>
        {
            ["ConnectionStrings__melanoma"] = database,
            ["ConnectionStrings__rabbitmq"] = await servers.CreateVirtualHostAsync(cancellationToken),
        };
        foreach (var (name, value) in settings)
            environment[name] = value;
        var process = ServiceProcess.Start("Ingestion.Service", environment);
        var host = new IngestionHost(environment, NpgsqlDataSource.Create(database), process);
        await process.WaitUntilReadyAsync(cancellationToken);
        return host;
    }

    /// <summary>Kills the service as a power cut would and starts another one on the same database.</summary>
    public async Task KillAndRestartAsync(CancellationToken cancellationToken)
    {
        await _process.KillAsync();
        await _process.DisposeAsync();
        _channel.Dispose();
        _process = ServiceProcess.Start("Ingestion.Service", _environment);
        _channel = PlayedGateway.Connect(_process.Grpc);
        await _process.WaitUntilReadyAsync(cancellationToken);
    }

    /// <summary>The processor time that the service has used; unlike a clock it does not run faster for a busy machine.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            using var process = System.Diagnostics.Process.GetProcessById(_process.Id);
            return process.TotalProcessorTime;
        }
    }

    /// <summary>Starts another service with the same settings, on the same database.</summary>
    public async Task<ServiceProcess> StartAnotherAsync(CancellationToken cancellationToken)
    {
        var another = ServiceProcess.Start("Ingestion.Service", _environment);
        await another.WaitUntilReadyAsync(cancellationToken);
        return another;
    }

    /// <summary>Waits until something is so, at most a minute.</summary>
    public static async Task WaitAsync(Func<Task<bool>> condition, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await condition())
            await tick.WaitForNextTickAsync(deadline.Token);
    }

    /// <summary>Delivers files, each cut into chunks.</summary>
    public async Task<Delivery> DeliverAsync(string name, IEnumerable<(string Path, byte[] Bytes)> files, CancellationToken cancellationToken)
    {
        using var call = Catalog.Ingest(cancellationToken: cancellationToken);
        try
        {
            await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = name } }, cancellationToken);
            foreach (var (path, bytes) in files)
                await SendFileAsync(call.RequestStream, path, bytes, cancellationToken);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException)
        {
            // The service has answered before the end; the answer says why.
        }

        try
        {
            return await call.ResponseAsync;
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.Internal)
        {
            throw new InvalidOperationException($"The service failed: {Log}", exception);
        }
    }

    public static async Task SendFileAsync(IClientStreamWriter<IngestRequest> stream, string path, byte[] bytes, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(new IngestRequest { File = new FileHeader { Path = path, Size = bytes.Length } }, cancellationToken);
        for (var at = 0; at < bytes.Length; at += ChunkBytes)
        {
            var chunk = UnsafeByteOperations.UnsafeWrap(bytes.AsMemory(at, Math.Min(ChunkBytes, bytes.Length - at)));
            await stream.WriteAsync(new IngestRequest { Chunk = chunk }, cancellationToken);
        }
    }

    public async Task<Dictionary<string, DeliveryFile>> FilesAsync(string deliveryId, CancellationToken cancellationToken)
    {
        var files = new Dictionary<string, DeliveryFile>();
        using var call = Catalog.ListDeliveryFiles(new ListDeliveryFilesRequest { DeliveryId = deliveryId }, cancellationToken: cancellationToken);
        await foreach (var file in call.ResponseStream.ReadAllAsync(cancellationToken))
            files.Add(file.Path, file);
        return files;
    }

    /// <summary>Changes rows behind the service's back, and says how many.</summary>
    public async Task<int> ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The kind of refusal of each refused file of a delivery.</summary>
    public async Task<Dictionary<string, string>> KindsAsync(string deliveryId, CancellationToken cancellationToken)
    {
        var kinds = new Dictionary<string, string>();
        await using var command = Database.CreateCommand("SELECT path, refusal_kind FROM delivery_files WHERE delivery_id = $1 AND refusal_kind IS NOT NULL");
        command.Parameters.AddWithValue(Guid.Parse(deliveryId));
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            kinds.Add(rows.GetString(0), rows.GetString(1));
        return kinds;
    }

    public async Task<T> QueryAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private long MemoryBytes(string field) => 1024 * long.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").Single(line => line.StartsWith(field, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _process.DisposeAsync();
        await Database.DisposeAsync();
    }
}
