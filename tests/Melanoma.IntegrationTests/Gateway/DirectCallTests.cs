using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.Access;
using Melanoma.Contracts.V1;
using Melanoma.IntegrationTests.Ingestion;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>The services' own ports are closed to everybody but the Gateway.</summary>
public sealed class DirectCallTests(TestServers servers)
{
    private static readonly Caller Forged = new("root", "another", CallerRoles.All);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_refuse_whoever_brings_no_fresh_token_of_the_Gateway()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        using var channel = GrpcChannel.ForAddress(host.Grpc);
        var datasets = new Datasets.DatasetsClient(channel);
        var fresh = PlayedGateway.Caller("ada");
        string?[] tokens =
        [
            null,
            "",
            "nonsense",
            new CallerTokens(new byte[32], previousKey: null, TimeProvider.System).Issue(Forged),
            PlayedGateway.Issue(Forged, DateTimeOffset.UtcNow.AddMinutes(-10)),
            PlayedGateway.Issue(Forged, DateTimeOffset.UtcNow.AddMinutes(10)),
        ];

        await datasets.ListDatasetsAsync(new ListDatasetsRequest(), fresh, cancellationToken: Cancellation);
        foreach (var token in tokens)
        {
            Metadata metadata = token is null ? [] : new() { { CallerTokens.Header, token } };
            var refusal = await Assert.ThrowsAsync<RpcException>(async () => await datasets.ListDatasetsAsync(new ListDatasetsRequest(), metadata, cancellationToken: Cancellation));
            Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
            Assert.Contains("Only the Gateway", refusal.Status.Detail, StringComparison.Ordinal);
        }

        using var client = new HttpClient { BaseAddress = host.Http };
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(new Uri("/v1/datasets", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri("/health/ready", UriKind.Relative), Cancellation)).StatusCode);
    }
}
