using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>Callers who go away, break off or send what is no question: each is told what fits, and nothing is left behind.</summary>
public sealed class HostileCallerTests(HostileCallerTests.OneService service) : IClassFixture<HostileCallerTests.OneService>
{
    private const int Seed = 20_261_127;
    private const int AtOnce = 32;

    private static readonly byte[] Small = InferenceStand.Picture(220, 60, 60);
    private static readonly byte[] Large = InferenceStand.Picture(200, 100, 50, size: 500);

    public sealed class OneService(TestServers servers) : SharedStand(servers, ("Classification__WaitingImages", "8"));

    private enum Manner
    {
        OneMillisecond,
        AtOnce,
        Later,
        Dropped,
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_leave_the_queue_empty_when_thousands_of_callers_lose_patience()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var random = new Random(Seed);
        var calls = Enumerable.Range(0, InferenceStand.Times(10_000)).Select(_ => (Manner: (Manner)random.Next(4), Milliseconds: random.Next(1, 25))).ToList();
        var outcomes = new ConcurrentBag<(Manner Manner, StatusCode Status)>();

        await Parallel.ForEachAsync(calls, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Cancellation }, async (call, _) =>
            outcomes.Add((call.Manner, await AskAsync(stand, call.Manner, TimeSpan.FromMilliseconds(call.Milliseconds)))));

        await stand.EmptyAsync();
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Small)));
        Assert.Equal(calls.Count, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.Contains(outcome.Status, outcome.Manner switch
        {
            // Where timers fire late the refusal is there first.
            Manner.OneMillisecond => (StatusCode[])[StatusCode.DeadlineExceeded, StatusCode.ResourceExhausted],
            Manner.AtOnce or Manner.Dropped => [StatusCode.Cancelled],
            _ => [StatusCode.Cancelled, StatusCode.OK, StatusCode.ResourceExhausted],
        }));
        Assert.Contains((Manner.Later, StatusCode.Cancelled), outcomes);
        Assert.Contains((Manner.OneMillisecond, StatusCode.DeadlineExceeded), outcomes);
        Assert.DoesNotContain("Classify failed", stand.Service.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_what_is_wrong_when_what_comes_is_no_question()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        using var client = PlayedGateway.Browse(stand.Service.Grpc);
        var question = InferenceStand.Request(Small).ToByteArray();
        (byte[] Body, StatusCode Status)[] bodies =
        [
            (Framed(question), StatusCode.OK),
            (Framed(question[..(question.Length / 2)]), StatusCode.InvalidArgument),
            (Framed([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), StatusCode.InvalidArgument),
            (Framed([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), StatusCode.InvalidArgument),
            (Framed([]), StatusCode.InvalidArgument),
            (Framed(question, announced: question.Length + 1), StatusCode.Internal),
            (Framed(question, announced: int.MaxValue), StatusCode.ResourceExhausted),
            (Framed(question, compressed: 7), StatusCode.InvalidArgument),
            ([], StatusCode.Internal),
        ];

        foreach (var (number, (body, status)) in bodies.Index())
        {
            Assert.Equal((number, status), (number, await PostAsync(client, body)));
        }

        var random = new Random(Seed);
        for (var number = 0; number < InferenceStand.Times(2000); number++)
        {
            var noise = new byte[random.Next(1, 400)];
            random.NextBytes(noise);
            Assert.Contains(await PostAsync(client, number % 2 == 0 ? Framed(noise) : noise), (StatusCode[])[StatusCode.InvalidArgument, StatusCode.Internal, StatusCode.ResourceExhausted]);
        }

        await stand.EmptyAsync();
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Small)));
    }

    [Fact]
    public async Task Should_refuse_a_message_over_the_limit_without_asking_to_come_again()
    {
        var stand = service.Stand;
        var message = InferenceStand.Request(new byte[70_000_000]);
        var refusal = await stand.RefusalAsync(message);
        using var stream = stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation);
        var sending = stream.RequestStream.WriteAsync(new ClassifyStreamRequest { Request = message }, Cancellation);
        var ended = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext(Cancellation));

        Assert.Equal((StatusCode.ResourceExhausted, null), (refusal?.StatusCode, refusal?.Trailers.GetValue("grpc-retry-pushback-ms")));
        Assert.Equal(StatusCode.ResourceExhausted, ended.StatusCode);
        await Record.ExceptionAsync(() => sending);
        await stand.EmptyAsync();
    }

    [Theory]
    [InlineData("/melanoma.v1.Classifier/Classify", 2)]
    [InlineData("/melanoma.v1.Classifier/ClassifyStream", 2)]
    [InlineData("/v1/classify", 1)]
    public async Task Should_give_everything_back_when_a_connection_is_reset_in_the_middle_of_a_body(string path, int http)
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        for (var number = 0; number < InferenceStand.Times(100); number++)
        {
            await BreakOffAsync(stand, path, http);
        }

        await stand.EmptyAsync();
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Small)));
    }

    private static async Task<StatusCode> AskAsync(InferenceStand stand, Manner manner, TimeSpan patience)
    {
        var deadline = manner == Manner.OneMillisecond ? DateTime.UtcNow.AddMilliseconds(1) : (DateTime?)null;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var call = stand.Classifier.ClassifyAsync(InferenceStand.Request(Large), InferenceStand.Caller(), deadline, stop.Token);
        switch (manner)
        {
            case Manner.AtOnce:
                await stop.CancelAsync();
                break;
            case Manner.Later:
                stop.CancelAfter(patience);
                break;
            case Manner.Dropped:
                call.Dispose();
                break;
        }

        try
        {
            await call;
            return StatusCode.OK;
        }
        catch (RpcException refusal)
        {
            return refusal.StatusCode;
        }
    }

    private static byte[] Framed(byte[] message, int? announced = null, byte compressed = 0)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = compressed;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), announced ?? message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static HttpRequestMessage Post(string path, int http, HttpContent body)
    {
        body.Headers.ContentType = new MediaTypeHeaderValue(http == 2 ? "application/grpc" : "image/png");
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Version = new Version(http, http == 2 ? 0 : 1), VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = body };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        return request;
    }

    private static async Task<StatusCode> PostAsync(HttpClient client, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        using var request = Post("/melanoma.v1.Classifier/Classify", 2, content);
        using var response = await client.SendAsync(request, Cancellation);
        await response.Content.CopyToAsync(Stream.Null, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var status = response.TrailingHeaders.Concat(response.Headers).First(header => header.Key == "grpc-status").Value.Single();
        return (StatusCode)int.Parse(status, System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task BreakOffAsync(InferenceStand stand, string path, int http)
    {
        Socket? socket = null;
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellationToken) =>
            {
                socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(PlayedGateway.Handler(handler)) { BaseAddress = http == 2 ? stand.Service.Grpc : stand.Service.Http };
        using var body = new HalfBody();
        using var request = Post(path, http, body);
        var sending = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await body.Half.Task.WaitAsync(Cancellation);
        await stand.EventuallyAsync(stand.LoadAsync, load => load.HeldBytes > 0 || load.BulkStreams > 0);

        // Without lingering, closing is a reset.
        socket!.LingerState = new LingerOption(true, 0);
        socket.Close();
        body.Broken.SetResult();
        Assert.NotNull(await Record.ExceptionAsync(async () => (await sending).Dispose()));
    }

    /// <summary>Announces a message, sends half of it and then nothing.</summary>
    private sealed class HalfBody : HttpContent
    {
        private const int Length = 400_000;

        public TaskCompletionSource Half { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Broken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(Framed(new byte[Length / 2], announced: Length - 5), Cancellation);
            await stream.FlushAsync(Cancellation);
            Half.SetResult();
            await Broken.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = Length;
            return true;
        }
    }
}
