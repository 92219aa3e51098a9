using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.V1;
using Melanoma.Storage;
using Melanoma.Storage.Models;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;

namespace Melanoma.Serving.Benchmarks;

/// <summary>The real services on a PostgreSQL and a RabbitMQ of their own.</summary>
internal sealed class ServingStack : IAsyncDisposable
{
    private const string CompilerThread = ".NET Tiered Com";

    private readonly Dictionary<string, string?> _environment;
    private readonly string _database;
    private readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("melanoma-bench-");
    private readonly Dictionary<string, ServiceProcess> _services = [];
    private readonly Dictionary<string, string> _versions = [];
    private readonly Uri _door = new($"http://127.0.0.1:{FreePort.Next()}");
    private string _key = "";
    private GrpcChannel? _inferenceChannel;

    private ServingStack(string database, string bus)
    {
        _database = database;
        _environment = new() { ["ConnectionStrings__melanoma"] = database, ["ConnectionStrings__rabbitmq"] = bus };
    }

    /// <summary>Inference.Api asked directly.</summary>
    public Side Inference { get; private set; } = null!;

    /// <summary>The same through the Gateway, with an API key.</summary>
    public Side Gateway { get; private set; } = null!;

    public static async Task<ServingStack> StartAsync(TestServers servers, IEnumerable<ServedModel> models)
    {
        var stack = new ServingStack(await servers.CreateDatabaseAsync(), await servers.CreateVirtualHostAsync());
        await ServiceProcess.RunAsync("Ingestion.Service", stack._environment, ["migrate"]);
        foreach (var model in models)
            stack._versions[model.Name] = await stack.RegisterAsync(model);
        await stack.StartAllAsync();
        var inference = stack._services["inference"];
        var gateway = stack._services["gateway"];
        stack._key = (await ServiceProcess.RunAsync("Gateway", stack._environment, ["keys", "create", "--name", "bench", "--tenant", "bench"])).Trim().Split('\n')[^1];
        stack._inferenceChannel = PlayedGateway.Connect(inference.Grpc);
        stack.Inference = new Side("Inference.Api", [inference.Grpc], () => PlayedGateway.Caller("bench", "bench"), () => stack.CpuSecondsAsync(inference), stack.AllocatedBytesAsync);
        var key = new Metadata { { "x-api-key", stack._key } };
        stack.Gateway = new Side("Gateway", [stack._door], () => key, () => stack.CpuSecondsAsync(inference, gateway), stack.AllocatedBytesAsync);
        return stack;
    }

    /// <summary>Puts a model into production and waits until it answers.</summary>
    public async Task PromoteAsync(ServedModel model, Pictures pictures)
    {
        using var channel = PlayedGateway.Connect(_services["inference"].Grpc);
        await new ModelRegistry.ModelRegistryClient(channel).PromoteModelAsync(new PromoteModelRequest { Version = _versions[model.Name], Reason = "to be measured" });
        for (var left = 100; (await Inference.AskAsync(0, pictures.Next())).ModelVersion != _versions[model.Name]; left--)
        {
            if (left == 0)
                throw new InvalidOperationException($"{model.Name} was promoted and does not answer.");
            await Task.Delay(100);
        }
    }

    /// <summary>
    /// Processor time that Inference.Api and the Gateway spend on compiling what is used often, while something goes on that takes less than four seconds: so long a
    /// compiler's thread lives on after its work.
    /// </summary>
    public async Task<(T Result, double Seconds)> CompilingAsync<T>(Func<Task<T>> meanwhile)
    {
        var before = Compilers().ToDictionary();
        var result = await meanwhile();
        return (result, Compilers().Sum(thread => thread.Value - before.GetValueOrDefault(thread.Key)));

        IEnumerable<KeyValuePair<string, double>> Compilers() =>
            ProcessorTime.OfThreads(_services["inference"].Id, CompilerThread).Concat(ProcessorTime.OfThreads(_services["gateway"].Id, CompilerThread));
    }

    /// <summary>Four whole PNGs of 12000 x 12000 at once through the Gateway.</summary>
    public async Task<HugePictures> AskHugeAsync()
    {
        const int Side = 12_000;
        const int AtOnce = 4;
        var request = new ClassifyRequest { Image = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(Pictures.LargePng(Side)) };
        using var channel = GrpcChannel.ForAddress(_door, new GrpcChannelOptions { MaxSendMessageSize = null });
        var client = new Classifier.ClassifierClient(channel);
        for (var warm = 0; warm < AtOnce; warm++)
            await RefuseAsync();
        int[] processes = [_services["inference"].Id, _services["gateway"].Id];
        var before = processes.Sum(process => Megabytes(process, "VmRSS"));
        foreach (var process in processes)
            await File.WriteAllTextAsync($"/proc/{process}/clear_refs", "5");
        var latencies = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Run(RefuseAsync)));
        return new HugePictures(latencies.Max(), processes.Sum(process => Megabytes(process, "VmHWM")) - before);

        async Task<double> RefuseAsync()
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            try
            {
                await client.ClassifyAsync(request, new Metadata { { "x-api-key", _key } });
            }
            catch (RpcException refusal) when (refusal.StatusCode == StatusCode.InvalidArgument)
            {
                return watch.Elapsed.TotalMilliseconds;
            }

            throw new InvalidOperationException($"A PNG of {Side} x {Side} was classified.");
        }
    }

    /// <summary>Leaves all services alone, and looks what share of a core each takes.</summary>
    public async Task<SortedDictionary<string, double>> IdleAsync(TimeSpan length)
    {
        var before = _services.ToDictionary(service => service.Key, service => ProcessorTime.Of(service.Value.Id));
        await Task.Delay(length);
        return new(_services.ToDictionary(service => service.Key, service => (ProcessorTime.Of(service.Value.Id) - before[service.Key]) / length.TotalSeconds));
    }

    public async ValueTask DisposeAsync()
    {
        Inference?.Dispose();
        Gateway?.Dispose();
        _inferenceChannel?.Dispose();
        await Task.WhenAll(_services.Values.Select(service => service.DisposeAsync().AsTask()));
        _cache.Delete(recursive: true);
    }

    // The Gateway comes last because it learns addresses at its start; the Portal has to know its address before.
    private async Task StartAllAsync()
    {
        _environment["services__gateway__grpc__0"] = _door.OriginalString;
        _environment["Training__BundledModel"] = "";
        _environment["Training__CacheFolder"] = _cache.FullName;
        (string Project, string Name)[] services = [
            ("Ingestion.Service", "ingestion"), ("Augmentation.Worker", "augmentation"), ("Training.Worker", "training"), ("Inference.Api", "inference"), ("Portal", "portal")];
        foreach (var (project, name) in services)
        {
            // One after the other: six at once keep each other from becoming ready on few cores.
            var service = await StartAsync(project, name, _environment);
            _environment[$"services__{name}__http__0"] = service.Http.OriginalString;
            _environment[$"services__{name}__grpc__0"] = service.Grpc.OriginalString;
        }

        await StartAsync("Gateway", "gateway", new Dictionary<string, string?>(_environment) { ["Kestrel__Endpoints__grpc__Url"] = _door.OriginalString });
    }

    private async Task<ServiceProcess> StartAsync(string project, string name, Dictionary<string, string?> environment)
    {
        var service = _services[name] = ServiceProcess.Start(project, environment);
        await service.WaitUntilReadyAsync(TimeSpan.FromMinutes(3), CancellationToken.None);
        return service;
    }

    private async Task<double> CpuSecondsAsync(params ServiceProcess[] services) =>
        services.Sum(service => ProcessorTime.Of(service.Id)) + await ProcessorTime.OfPostgresAsync(_database);

    private async Task<long> AllocatedBytesAsync() =>
        (await new ModelRegistry.ModelRegistryClient(_inferenceChannel).GetServingStatusAsync(new GetServingStatusRequest())).Load.AllocatedBytes;

    // As if it came with the software, so that it needs no run and no dataset; decided already, so that the promotion policy leaves it alone.
    private async Task<string> RegisterAsync(ServedModel model)
    {
        await using var source = NpgsqlDataSource.Create(_database);
        var options = new DbContextOptionsBuilder<MelanomaDbContext>();
        options.UseMelanoma(source);
        await using var database = new MelanomaDbContext(options.Options);
        var row = new ModelVersion
        {
            RunId = null,
            Recipe = model.Report.Recipe,
            RecipeVersion = model.Report.RecipeVersion,
            DatasetId = null,
            DatasetKind = DatasetKind.Honest,
            CreatedAt = DateTimeOffset.UtcNow,
            InputSize = model.Side,
            ServedPrecision = model.Precision,
            Report = model.Report.ToJson(),
            PolicyDecision = "for a benchmark",
        };
        database.ModelVersions.Add(row);
        await database.SaveChangesAsync();
        database.ModelArtefacts.Add(new ModelArtefact { Version = row.Version, Precision = model.Precision, Sha256 = SHA256.HashData(model.Onnx), Bytes = model.Onnx });
        await database.SaveChangesAsync();
        return row.Version.ToString(CultureInfo.InvariantCulture);
    }

    private static double Megabytes(int process, string field)
    {
        var line = File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }
}

/// <summary>What became of pictures that are far too large: the slowest refusal in milliseconds, and megabytes that the services needed more meanwhile.</summary>
internal sealed record HugePictures(double SlowestMs, double Megabytes);
