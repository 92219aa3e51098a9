using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.EndToEndTests;

/// <summary>The whole product as processes on a database and virtual host of its own, with an API key in a state folder as the launcher leaves it.</summary>
internal sealed partial class Stack : IAsyncDisposable
{
    // Short, so that work whose worker died is taken over while the test waits.
    private static readonly Dictionary<string, string?> Quick = new()
    {
        ["Augmentation__LeaseSeconds"] = "4",
        ["Augmentation__SweepSeconds"] = "1",
        ["Augmentation__Parallelism"] = "1",
        ["Training__LeaseSeconds"] = "4",
        ["Training__SweepSeconds"] = "1",
    };

    private readonly List<ServiceProcess> _processes = [];
    private readonly List<string> _secrets;
    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("melanoma-e2e-");
    private readonly Dictionary<string, string?> _environment;
    private GrpcChannel? _channel;

    private Stack(string database, string bus)
    {
        Database = NpgsqlDataSource.Create(database);
        _secrets = [PlayedGateway.Key, new NpgsqlConnectionStringBuilder(database).Password!, new Uri(bus).UserInfo.Split(':')[^1]];
        _environment = new(Quick)
        {
            ["ConnectionStrings__melanoma"] = database,
            ["ConnectionStrings__rabbitmq"] = bus,
            ["MELANOMA_STATE"] = _state.FullName,
            ["Training__CacheFolder"] = Path.Combine(_state.FullName, "cache"),
        };
    }

    public NpgsqlDataSource Database { get; }

    public ServiceProcess Gateway { get; private set; } = null!;

    public List<ServiceProcess> AugmentationWorkers { get; } = [];

    public List<ServiceProcess> TrainingWorkers { get; } = [];

    public string ApiKey { get; private set; } = "";

    public string Folder => _state.FullName;

    /// <summary>Calls through the Gateway with the stack's key.</summary>
    public CallInvoker Invoker => (_channel ??= GrpcChannel.ForAddress(Gateway.Grpc)).Intercept(metadata =>
    {
        metadata.Add("x-api-key", ApiKey);
        return metadata;
    });

    public static async Task<Stack> StartAsync(TestServers servers, int workers, CancellationToken cancellationToken)
    {
        var stack = new Stack(await servers.CreateDatabaseAsync(cancellationToken), await servers.CreateVirtualHostAsync(cancellationToken));
        try
        {
            await stack.StartAsync(workers, cancellationToken);
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the command line against this stack.</summary>
    public Task<CommandResult> RunAsync(CancellationToken cancellationToken, params string[] arguments) =>
        RunAsync(new Dictionary<string, string?>(), cancellationToken, arguments);

    /// <summary>Runs the command line against this stack with other environment variables; null removes one.</summary>
    public Task<CommandResult> RunAsync(IReadOnlyDictionary<string, string?> environment, CancellationToken cancellationToken, params string[] arguments)
    {
        var start = StartInfo(Repository.Executable("Melanoma.Cli"), arguments);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return CommandResult.RunAsync(start, cancellationToken);
    }

    /// <summary>How to start a program that runs the command line against this stack.</summary>
    public ProcessStartInfo StartInfo(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments);
        start.Environment["MELANOMA_STATE"] = Folder;
        start.Environment.Remove("MELANOMA_ADDRESS");
        start.Environment.Remove("MELANOMA_API_KEY");
        return start;
    }

    /// <summary>The first column of the first row.</summary>
    public async Task<T> QueryAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>What the services complained of, for the message of a failed test.</summary>
    public string Complaints() => string.Join('\n', _processes.SelectMany(process => process.Log.Split('\n')
        .SkipWhile(line => !IsComplaint(line)).Take(60).Prepend($"--- process {process.Id}{(process.HasExited ? ", ended" : "")}")));

    /// <summary>What the services logged as errors, but for what is no defect: probes that ask before a server is there, and messages that callers sent as garbage.</summary>
    public IReadOnlyList<string> Defects() =>
    [
        .. _processes.SelectMany(process => LogEntry().Split(process.Log))
            .Where(entry => IsComplaint(entry) && !entry.Contains("HealthCheck", StringComparison.Ordinal) && !entry.Contains("InvalidProtocolBufferException", StringComparison.Ordinal)),
    ];

    /// <exception cref="InvalidOperationException">A service has written a secret into its log, in whatever the test did with it.</exception>
    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        // The Gateway first: nobody calls services that are going.
        await Task.WhenAll(Enumerable.Reverse(_processes).Select(process => process.DisposeAsync().AsTask()));
        await Database.DisposeAsync();
        _state.Delete(recursive: true);
        foreach (var log in _processes.Select(process => process.Log))
        {
            if (Secrets().Match(log) is { Success: true } match)
                throw new InvalidOperationException($"A secret stands in a log: ...{log[Math.Max(0, match.Index - 300)..match.Index]}");
            if (_secrets.Find(secret => log.Contains(secret, StringComparison.Ordinal)) is not null)
                throw new InvalidOperationException("A password or the internal key stands in a log.");
        }
    }

    // API keys, sign-in tickets and sessions, and tokens (JWT).
    [GeneratedRegex(@"\bm[kts]_[A-Za-z0-9_-]{43}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")]
    private static partial Regex Secrets();

    [GeneratedRegex(@"^(?=(?:trce|dbug|info|warn|fail|crit): )", RegexOptions.Multiline)]
    private static partial Regex LogEntry();

    private async Task StartAsync(int workers, CancellationToken cancellationToken)
    {
        await ServiceProcess.RunAsync("Ingestion.Service", _environment, ["migrate"], cancellationToken);
        var ingestion = Start("Ingestion.Service");
        var inference = Start("Inference.Api");
        _environment["services__ingestion__grpc__0"] = ingestion.Grpc.OriginalString;
        _environment["services__ingestion__http__0"] = ingestion.Http.OriginalString;
        _environment["services__inference__grpc__0"] = inference.Grpc.OriginalString;
        _environment["services__inference__http__0"] = inference.Http.OriginalString;
        Gateway = Start("Gateway");
        for (var worker = 0; worker < workers; worker++)
        {
            AugmentationWorkers.Add(Start("Augmentation.Worker"));
            TrainingWorkers.Add(Start("Training.Worker"));
        }

        ApiKey = (await ServiceProcess.RunAsync("Gateway", _environment, ["keys", "create", "--name", "local", "--tenant", "local", "--roles", "classify,data,ops,read"], cancellationToken)).Trim();
        var local = new { grpc = Gateway.Grpc, http = Gateway.Http, portal = Gateway.Http, apiKey = ApiKey };
        await File.WriteAllTextAsync(Path.Combine(Folder, "local.json"), JsonSerializer.Serialize(local), cancellationToken);
        foreach (var process in _processes)
            await process.WaitUntilReadyAsync(TimeSpan.FromMinutes(2), cancellationToken);
    }

    private static bool IsComplaint(string line) => line.StartsWith("fail:", StringComparison.Ordinal) || line.StartsWith("crit:", StringComparison.Ordinal);

    private ServiceProcess Start(string project)
    {
        var process = ServiceProcess.Start(project, _environment);
        _processes.Add(process);
        return process;
    }
}
