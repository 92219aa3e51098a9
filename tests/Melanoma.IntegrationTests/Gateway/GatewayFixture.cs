using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>A real Gateway on a database of its own, before one backend that plays all services.</summary>
public sealed class GatewayFixture(TestServers servers) : IAsyncLifetime
{
    private readonly List<GrpcChannel> _channels = [];

    internal FakeBackend Backend { get; private set; } = null!;

    internal ServiceProcess Gateway { get; private set; } = null!;

    /// <summary>A key named "clinic-system" of the tenant "st-mary" that may do everything.</summary>
    internal string Key { get; private set; } = "";

    internal Dictionary<string, string?> Environment { get; } = [];

    public async ValueTask InitializeAsync()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var database = await servers.CreateMigratedDatabaseAsync(cancellation);
        Backend = await FakeBackend.StartAsync(cancellation);
        Environment["ConnectionStrings__melanoma"] = database;
        foreach (var service in new[] { "ingestion", "inference", "portal" })
        {
            Environment[$"services__{service}__http__0"] = Backend.Http.OriginalString;
            Environment[$"services__{service}__grpc__0"] = Backend.Grpc.OriginalString;
        }

        Gateway = ServiceProcess.Start("Gateway", Environment);
        Key = await CommandAsync("keys", "create", "--name", "clinic-system", "--tenant", "st-mary", "--roles", "classify,data,ops,read");
        await Gateway.WaitUntilReadyAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(channel => channel.Dispose());
        if (Gateway is not null)
            await Gateway.DisposeAsync();
        if (Backend is not null)
            await Backend.DisposeAsync();
    }

    /// <summary>A path of a route's template.</summary>
    internal static string Example(string path) => path.Replace("{**path}", "", StringComparison.Ordinal).Replace('{', 'x').Replace('}', 'x');

    /// <summary>Runs a command of the Gateway and returns what it printed.</summary>
    internal async Task<string> CommandAsync(params string[] arguments) =>
        (await ServiceProcess.RunAsync("Gateway", Environment, arguments, TestContext.Current.CancellationToken)).TrimEnd('\n');

    /// <summary>A connection to the Gateway's gRPC endpoint; each call carries the key, unless it is null.</summary>
    internal CallInvoker Connect(string? key)
    {
        var channel = GrpcChannel.ForAddress(Gateway.Grpc, new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null });
        _channels.Add(channel);
        return key is null ? channel.CreateCallInvoker() : channel.CreateCallInvoker().With("x-api-key", key);
    }

    /// <summary>An HTTP client that follows no redirect and keeps no cookie; sends the key, unless it is null.</summary>
    internal HttpClient Browse(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Gateway.Http };
        if (key is not null)
            client.DefaultRequestHeaders.Add("x-api-key", key);
        return client;
    }
}
