using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using Melanoma.Contracts.V1;

namespace Melanoma.IntegrationTests.Gateway;

public sealed class GatewayGrpcTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("guess")]
    [InlineData("mk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Should_refuse_with_a_sentence_when_the_key_is_missing_or_wrong(string? key)
    {
        var classifier = new Classifier.ClassifierClient(gateway.Connect(key));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await classifier.ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation));

        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
        Assert.Contains("send a good one as x-api-key", refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_forward_the_call_and_say_who_calls_when_the_key_is_good()
    {
        var classifier = new Classifier.ClassifierClient(gateway.Connect(gateway.Key));

        var answer = await classifier.ClassifyAsync(new ClassifyRequest { Image = ByteString.CopyFrom(new byte[1000]) }, cancellationToken: Cancellation);

        Assert.Equal("1000", answer.ModelVersion);
        Assert.Contains("x-melanoma-caller: clinic-system of st-mary (classify, data, ops, read)", answer.Diagnosis, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_keep_the_credentials_to_itself_when_it_forwards()
    {
        var classifier = new Classifier.ClassifierClient(gateway.Connect(gateway.Key).With("cookie", "melanoma-session=ms_x; other=1"));

        var answer = await classifier.ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation);

        Assert.DoesNotContain("x-api-key", answer.Diagnosis, StringComparison.Ordinal);
        Assert.DoesNotContain("cookie", answer.Diagnosis, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_replace_identity_headers_when_a_caller_forges_them()
    {
        var forger = gateway.Connect(gateway.Key).With("x-melanoma-caller", "root").With("X-Melanoma-Tenant", "another").With("x-melanoma-role", "ops");

        var answer = await new Classifier.ClassifierClient(forger).ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation);

        var identity = answer.Diagnosis.Split('\n').Where(line => line.StartsWith("x-melanoma-", StringComparison.Ordinal)).Order();
        Assert.Equal(["x-melanoma-caller: clinic-system of st-mary (classify, data, ops, read)"], identity);
    }

    [Fact]
    public async Task Should_pass_every_byte_on_when_a_delivery_of_64_MiB_streams_in()
    {
        var chunk = new IngestRequest { Chunk = ByteString.CopyFrom(new byte[1024 * 1024]) };
        using var call = new ImageCatalog.ImageCatalogClient(gateway.Connect(gateway.Key)).Ingest(cancellationToken: Cancellation);
        for (var sent = 0; sent < 64; sent++)
            await call.RequestStream.WriteAsync(chunk, Cancellation);
        await call.RequestStream.CompleteAsync();

        Assert.Equal($"{64 * 1024 * 1024}", (await call).Name);
    }

    [Fact]
    public async Task Should_pass_the_services_own_refusal_on_when_a_message_is_too_large_for_it()
    {
        var classifier = new Classifier.ClassifierClient(gateway.Connect(gateway.Key));
        var request = new ClassifyRequest { Image = ByteString.CopyFrom(new byte[50_000_000]) };

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await classifier.ClassifyAsync(request, cancellationToken: Cancellation));

        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
    }

    [Fact]
    public async Task Should_deliver_each_message_at_once_when_a_stream_waits_for_something_to_happen()
    {
        using var call = new TrainingRuns.TrainingRunsClient(gateway.Connect(gateway.Key)).WatchRun(new GetRunRequest { RunId = "r" }, cancellationToken: Cancellation);

        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(RunState.Training, call.ResponseStream.Current.State);
        gateway.Backend.Watch.GoOn.SetResult();
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(RunState.Completed, call.ResponseStream.Current.State);
    }

    [Fact]
    public async Task Should_pass_questions_and_answers_on_at_once_and_say_who_asks_when_a_stream_goes_both_ways()
    {
        using var call = new Classifier.ClassifierClient(gateway.Connect(gateway.Key)).ClassifyStream(cancellationToken: Cancellation);

        // 20 MB each: they are limited by the service, one by one, and not by the Gateway's limit of a body.
        foreach (var key in new[] { "first", "second", "third", "fourth", "fifth" })
        {
            var request = new ClassifyRequest { Image = ByteString.CopyFrom(new byte[20_000_000]) };
            await call.RequestStream.WriteAsync(new ClassifyStreamRequest { Key = key, Request = request }, Cancellation);
            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
            Assert.Equal((key, "20000000"), (call.ResponseStream.Current.Key, call.ResponseStream.Current.Answer.ModelVersion));
            Assert.Contains("x-melanoma-caller: clinic-system", call.ResponseStream.Current.Answer.Diagnosis, StringComparison.Ordinal);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Cancellation));
    }

    [Fact]
    public async Task Should_pass_headers_on_at_once_when_the_answer_comes_at_the_end_of_a_long_stream()
    {
        using var call = new ImageCatalog.ImageCatalogClient(gateway.Connect(gateway.Key)).Ingest(cancellationToken: Cancellation);
        await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = "long" } }, Cancellation);

        Assert.Equal("named before the end", (await call.ResponseHeadersAsync.WaitAsync(TimeSpan.FromSeconds(30), Cancellation)).GetValue(FakeBackend.EarlyHeader));

        await call.RequestStream.CompleteAsync();
        Assert.Equal("0", (await call).Name);
    }

    [Fact]
    public async Task Should_end_the_stream_with_unavailable_when_its_backend_dies()
    {
        var runs = new TrainingRuns.TrainingRunsClient(gateway.Connect(gateway.Key));
        using var call = runs.WatchRun(new GetRunRequest { RunId = FakeBackend.DyingRun }, cancellationToken: Cancellation);

        var refusal = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(Cancellation))
            {
            }
        });

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.Equal("The ingestion service cannot be reached at the moment; try again.", refusal.Status.Detail);
    }

    [Fact]
    public async Task Should_answer_unimplemented_when_the_service_is_unknown()
    {
        var method = new Method<HealthCheckRequest, HealthCheckResponse>(
            MethodType.Unary, "melanoma.v1.Nothing", "Do", Marshallers.Create(message => message.ToByteArray(), HealthCheckRequest.Parser.ParseFrom),
            Marshallers.Create(message => message.ToByteArray(), HealthCheckResponse.Parser.ParseFrom));
        using var call = gateway.Connect(gateway.Key).AsyncUnaryCall(method, host: null, new CallOptions(cancellationToken: Cancellation), new HealthCheckRequest());

        var refusal = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);

        Assert.Equal(StatusCode.Unimplemented, refusal.StatusCode);
    }

    [Fact]
    public async Task Should_tell_its_health_when_nobody_signed_in()
    {
        var health = new Health.HealthClient(gateway.Connect(key: null));

        var answer = await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, answer.Status);
    }

    [Fact]
    public async Task Should_list_every_service_when_asked_by_reflection()
    {
        using var call = new ServerReflection.ServerReflectionClient(gateway.Connect(gateway.Key)).ServerReflectionInfo(cancellationToken: Cancellation);
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, Cancellation);
        await call.ResponseStream.MoveNext(Cancellation);

        var names = call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name);

        Assert.Superset(
            new HashSet<string>
            {
                "melanoma.v1.ImageCatalog", "melanoma.v1.Datasets", "melanoma.v1.TrainingRuns", "melanoma.v1.CrossValidations", "melanoma.v1.Classifier", "melanoma.v1.ModelRegistry", "melanoma.v1.Predictions",
            },
            names.ToHashSet());
    }

    [Fact]
    public async Task Should_refuse_reflection_when_nobody_signed_in()
    {
        using var call = new ServerReflection.ServerReflectionClient(gateway.Connect(key: null)).ServerReflectionInfo(cancellationToken: Cancellation);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Cancellation));

        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
    }
}
