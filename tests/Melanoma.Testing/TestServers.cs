using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace Melanoma.Testing;

/// <summary>
/// A real PostgreSQL and a real RabbitMQ, started by <c>scripts/servers</c> on first use, once per test process, and stopped with their data at its end, also when
/// the process is killed. Use it as an assembly fixture: <c>[assembly: AssemblyFixture(typeof(TestServers))]</c>. Each call gives the test a database or virtual
/// host of its own. Where a server cannot be had the asking test is skipped with the reason.
/// </summary>
public sealed class TestServers : IAsyncDisposable
{
    private const int CannotBeHad = 69;

    private readonly Lazy<Task<Running>> _postgresOnly;
    private readonly Lazy<Task<Running>> _all;
    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly string _state = Path.Combine(Path.GetTempPath(), $"melanoma-test-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}");
    private readonly HttpClient _http = new();
    private Process? _lifeline;
    private int _count;

    /// <summary>Prepares the fixture; no server starts before a test asks for one.</summary>
    public TestServers()
    {
        _postgresOnly = new(() => StartAsync("--postgres-only"));
        _all = new(() => StartAsync());
    }

    /// <summary>Creates an empty database and returns its Npgsql connection string (a superuser's).</summary>
    /// <param name="cancellationToken">Stops waiting; the servers start all the same.</param>
    /// <exception cref="TestSkippedException">PostgreSQL cannot be had on this machine.</exception>
    public Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default) => CreateDatabaseAsync(name => $"CREATE DATABASE \"{name}\"", cancellationToken);

    /// <summary>Creates a database with all that another one holds.</summary>
    /// <param name="connectionString">Of the other one, to which nobody may be connected.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task<string> CopyDatabaseAsync(string connectionString, CancellationToken cancellationToken = default)
    {
        var original = new NpgsqlConnectionStringBuilder(connectionString).Database;
        return CreateDatabaseAsync(name => $"CREATE DATABASE \"{name}\" TEMPLATE \"{original}\"", cancellationToken);
    }

    private async Task<string> CreateDatabaseAsync(Func<string, string> statement, CancellationToken cancellationToken)
    {
        var running = await _postgresOnly.Value.WaitAsync(cancellationToken);
        var name = FreshName();
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(running.Postgres) { Pooling = false });
        await using var command = source.CreateCommand(statement(name));
        await command.ExecuteNonQueryAsync(cancellationToken);
        return new NpgsqlConnectionStringBuilder(running.Postgres) { Database = name, MaxPoolSize = 20 }.ConnectionString;
    }

    /// <summary>Creates an empty virtual host and returns its AMQP address with user and password.</summary>
    /// <param name="cancellationToken">Stops waiting; the servers start all the same.</param>
    /// <exception cref="TestSkippedException">RabbitMQ, or the management interface of a given one, cannot be had.</exception>
    public async Task<string> CreateVirtualHostAsync(CancellationToken cancellationToken = default)
    {
        var running = await _all.Value.WaitAsync(cancellationToken);
        if (string.IsNullOrEmpty(running.Management))
        {
            throw new TestSkippedException(
                "The RabbitMQ given in ConnectionStrings__rabbitmq has no management address: set MELANOMA_RABBITMQ_MANAGEMENT to http://user:password@host:port.");
        }

        var name = FreshName();
        var management = new Uri(running.Management);
        await PutAsync(management, $"api/vhosts/{name}", new { }, cancellationToken);
        await PutAsync(
            management,
            $"api/permissions/{name}/{management.UserInfo.Split(':')[0]}",
            new { configure = ".*", write = ".*", read = ".*" },
            cancellationToken);
        return new UriBuilder(running.RabbitMq!) { Path = name }.Uri.AbsoluteUri;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _starting.Dispose();
        if (Directory.Exists(_state))
        {
            NpgsqlConnection.ClearAllPools();
            await RunScriptAsync(Script("down", _state, "--delete"));
        }

        _lifeline?.Dispose();
    }

    private string FreshName() => $"test_{Interlocked.Increment(ref _count)}_{Guid.NewGuid():N}"[..24];

    private async Task PutAsync<T>(Uri management, string path, T body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri($"{management.Scheme}://{management.Authority}/{path}")) { Content = JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(management.UserInfo))));
        using var response = await _http.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    private async Task<Running> StartAsync(params string[] options)
    {
        await _starting.WaitAsync();
        try
        {
            var start = Script(["up", _state, "--ephemeral", .. options, .. _lifeline is null ? ["--until-stdin-closes"] : Array.Empty<string>()]);
            // The script's watcher reads this pipe; the kernel closes it however this process ends.
            start.RedirectStandardInput = true;
            var (process, code, errors) = await RunScriptAsync(start);
            if (_lifeline is null)
                _lifeline = process;
            else
                process.Dispose();
            if (code == CannotBeHad)
                throw new TestSkippedException(errors.TrimEnd().Split('\n')[^1]);
            if (code != 0)
                throw new InvalidOperationException($"scripts/servers up failed with {code}:\n{errors}");
        }
        finally
        {
            _starting.Release();
        }

        using var answer = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(_state, "servers.json")));
        var postgres = answer.RootElement.GetProperty("postgres").GetProperty("connectionString").GetString()!;
        return answer.RootElement.TryGetProperty("rabbitmq", out var rabbitMq)
            ? new Running(postgres, rabbitMq.GetProperty("connectionString").GetString(), rabbitMq.GetProperty("management").GetString())
            : new Running(postgres, null, null);
    }

    private static ProcessStartInfo Script(params string[] arguments)
    {
        var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(Repository.Root, "scripts", "servers"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }

    private static async Task<(Process Process, int Code, string Errors)> RunScriptAsync(ProcessStartInfo start)
    {
        var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        return (process, process.ExitCode, errors);
    }

    private sealed record Running(string Postgres, string? RabbitMq, string? Management);
}
