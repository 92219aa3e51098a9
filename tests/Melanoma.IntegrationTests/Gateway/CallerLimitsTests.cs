using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>What a caller may use, and what whoever uses more is told.</summary>
public sealed class CallerLimitsTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_refuse_with_a_delay_over_gRPC_and_HTTP_when_a_key_begins_too_many_calls()
    {
        var key = await CreateAsync("hasty", new KeyLimits { RequestsPerSecond = 3 });
        using var client = gateway.Browse(key);
        var classifier = new Classifier.ClassifierClient(gateway.Connect(key));

        var (refusal, answered) = (default(RpcException), 0);
        while (refusal is null && answered < 100)
        {
            refusal = await Record.ExceptionAsync(async () => await classifier.ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation)) as RpcException;
            answered += refusal is null ? 1 : 0;
        }

        Assert.InRange(answered, 3, 20);
        Assert.Equal(StatusCode.ResourceExhausted, refusal!.StatusCode);
        Assert.Contains("more calls a second", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.InRange(int.Parse(refusal.Trailers.GetValue("grpc-retry-pushback-ms")!, System.Globalization.CultureInfo.InvariantCulture), 1, 1000);

        using var response = await Eventually429Async(client);
        Assert.Equal(1, response.Headers.RetryAfter?.Delta?.TotalSeconds);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);

        // Others have theirs.
        Assert.Equal(HttpStatusCode.OK, (await gateway.Browse(gateway.Key).GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Should_give_the_place_back_when_an_open_call_ends()
    {
        var key = await CreateAsync("waiting", new KeyLimits { ConcurrentCalls = 2 });
        using var client = gateway.Browse(key);
        var runs = new TrainingRuns.TrainingRunsClient(gateway.Connect(key));
        var open = new List<AsyncServerStreamingCall<Run>>();
        for (var number = 0; number < 2; number++)
        {
            open.Add(runs.WatchRun(new GetRunRequest { RunId = "r" }, cancellationToken: Cancellation));
            Assert.True(await open[^1].ResponseStream.MoveNext(Cancellation));
        }

        using var refused = await client.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Contains("as many calls open as it may", await refused.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);

        open[0].Dispose();
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while ((await client.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation)).StatusCode != HttpStatusCode.OK)
            await tick.WaitForNextTickAsync(Cancellation);
        open[1].Dispose();
    }

    [Fact]
    public async Task Should_end_the_day_in_the_middle_of_a_stream_when_a_key_has_sent_its_bytes()
    {
        var key = await CreateAsync("talkative", new KeyLimits { BytesPerDay = 3_000_000 });
        var invoker = gateway.Connect(key);
        await new Classifier.ClassifierClient(invoker).ClassifyAsync(new ClassifyRequest { Image = ByteString.CopyFrom(new byte[1_000_000]) }, cancellationToken: Cancellation);

        var stream = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            using var call = new ImageCatalog.ImageCatalogClient(invoker).Ingest(cancellationToken: Cancellation);
            try
            {
                for (var sent = 0; sent < 64; sent++)
                    await call.RequestStream.WriteAsync(new IngestRequest { Chunk = ByteString.CopyFrom(new byte[1_000_000]) }, Cancellation);
                await call.RequestStream.CompleteAsync();
            }
            catch (RpcException)
            {
                // The answer says why.
            }

            await call;
        });
        using var next = await gateway.Browse(key).GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);

        Assert.Equal(StatusCode.ResourceExhausted, stream.StatusCode);
        Assert.Contains("as many bytes today", stream.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.TooManyRequests, next.StatusCode);
        Assert.InRange(next.Headers.RetryAfter!.Delta!.Value, TimeSpan.Zero, TimeSpan.FromDays(1));
    }

    [Fact]
    public async Task Should_count_the_bytes_of_all_Gateways_together_when_there_are_two()
    {
        var key = await CreateAsync("spread", new KeyLimits { BytesPerDay = 3_000_000 });
        await using (var first = ServiceProcess.Start("Gateway", gateway.Environment))
        {
            await first.WaitUntilReadyAsync(Cancellation);
            await PostAsync(first.Http, key, 3_500_000 / 2);
            await PostAsync(first.Http, key, 3_500_000 / 2);

            // What it has counted it tells at its end at the latest.
            await first.StopAsync(Cancellation);
        }

        await using var second = ServiceProcess.Start("Gateway", gateway.Environment);
        await second.WaitUntilReadyAsync(Cancellation);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (await PostAsync(second.Http, key, 10) != HttpStatusCode.TooManyRequests)
            await tick.WaitForNextTickAsync(Cancellation);
    }

    [Fact]
    public async Task Should_refuse_unseen_whoever_tries_keys_and_nobody_else_when_they_come_from_one_address()
    {
        await using var door = ServiceProcess.Start("Gateway", new Dictionary<string, string?>(gateway.Environment) { ["Access__WrongCredentialsPerMinute"] = "5" });
        await door.WaitUntilReadyAsync(Cancellation);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(door.Http, gateway.Key, 10));

        var statuses = new List<HttpStatusCode>();
        for (var number = 0; number < 20; number++)
            statuses.Add(await PostAsync(door.Http, $"mk_{number:D43}", 10));

        Assert.All(statuses[..5], status => Assert.Equal(HttpStatusCode.Unauthorized, status));
        Assert.Contains(HttpStatusCode.TooManyRequests, statuses[5..]);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(door.Http, gateway.Key, 10));
        await door.StopAsync(Cancellation);
        Assert.Contains("has sent 5 wrong credentials within a minute", door.Log, StringComparison.Ordinal);
    }

    private async Task<string> CreateAsync(string name, KeyLimits limits) => (await new Keys.KeysClient(gateway.Connect(gateway.Key)).CreateKeyAsync(
        new CreateKeyRequest { Name = name, Tenant = "st-mary", Roles = { "classify", "data", "ops", "read" }, Limits = limits }, cancellationToken: Cancellation)).Secret;

    private static async Task<HttpResponseMessage> Eventually429Async(HttpClient client)
    {
        for (; ; )
        {
            var response = await client.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);
            if (response.StatusCode == HttpStatusCode.TooManyRequests)
                return response;
            response.Dispose();
        }
    }

    private static async Task<HttpStatusCode> PostAsync(Uri door, string key, int bytes)
    {
        using var client = new HttpClient { BaseAddress = door, DefaultRequestHeaders = { { "x-api-key", key } } };
        using var body = new ByteArrayContent(new byte[bytes]);
        using var response = await client.PostAsync(new Uri("/v1/classify", UriKind.Relative), body, Cancellation);
        return response.StatusCode;
    }
}
