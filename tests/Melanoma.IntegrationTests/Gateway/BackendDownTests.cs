using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.V1;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway;

public sealed class BackendDownTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_say_which_service_is_down_when_nobody_answers_behind_the_gateway(bool addressesKnown)
    {
        var (gateway, key) = await StartAsync(addressesKnown ? new Uri($"http://127.0.0.1:{FreePort.Next()}") : null);
        await using var running = gateway;
        using var channel = GrpcChannel.ForAddress(gateway.Grpc);
        using var client = new HttpClient { BaseAddress = gateway.Http, DefaultRequestHeaders = { { "x-api-key", key } } };

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await new Classifier.ClassifierClient(channel.CreateCallInvoker().With("x-api-key", key))
            .ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation));
        using var response = await client.GetAsync(new Uri("/v1/runs", UriKind.Relative), Cancellation);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        using var page = await client.GetAsync(new Uri("/", UriKind.Relative), Cancellation);

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.Equal("The inference service cannot be reached at the moment; try again.", refusal.Status.Detail);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("The ingestion service cannot be reached at the moment; try again.", problem.GetProperty("detail").GetString());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, page.StatusCode);
        Assert.Contains("The portal service cannot be reached", await page.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_ask_callers_to_come_again_when_the_database_is_gone()
    {
        var (gateway, key) = await StartAsync(address: null, lateDatabase: $"Host=127.0.0.1;Port={FreePort.Next()};Username=nobody;Password=none;Database=none");
        await using var running = gateway;
        using var channel = GrpcChannel.ForAddress(gateway.Grpc);

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await new Classifier.ClassifierClient(channel.CreateCallInvoker().With("x-api-key", key))
            .ClassifyAsync(new ClassifyRequest(), new CallOptions(cancellationToken: Cancellation).WithWaitForReady()));

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.Contains("database", refusal.Status.Detail, StringComparison.Ordinal);
    }

    private async Task<(ServiceProcess Gateway, string Key)> StartAsync(Uri? address, string? lateDatabase = null)
    {
        var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
        var environment = new Dictionary<string, string?> { ["ConnectionStrings__melanoma"] = database };
        if (address is not null)
        {
            foreach (var service in new[] { "ingestion", "inference", "portal" })
            {
                environment[$"services__{service}__http__0"] = address.OriginalString;
                environment[$"services__{service}__grpc__0"] = address.OriginalString;
            }
        }

        var key = await ServiceProcess.RunAsync("Gateway", environment, ["keys", "create", "--name", "k", "--tenant", "t", "--roles", "classify,read"], Cancellation);
        if (lateDatabase is not null)
            environment["ConnectionStrings__melanoma"] = lateDatabase;
        var gateway = ServiceProcess.Start("Gateway", environment);
        if (lateDatabase is null)
            await gateway.WaitUntilReadyAsync(Cancellation);
        return (gateway, key.TrimEnd('\n'));
    }
}
