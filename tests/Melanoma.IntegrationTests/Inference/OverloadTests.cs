using System.Globalization;
using System.Net;
using Grpc.Core;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

public sealed class OverloadTests(OverloadTests.OneService service, TestServers servers) : IClassFixture<OverloadTests.OneService>
{
    private static readonly byte[] Small = InferenceStand.Picture(220, 60, 60);

    public sealed class OneService(TestServers servers) : SharedStand(servers, ("Classification__WaitingImages", "2"), ("Classification__Lanes", "1"));

    [Fact]
    public async Task Should_refuse_at_once_with_a_delay_when_the_waiting_room_is_full()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var large = InferenceStand.Picture(200, 100, 50, size: 1500);

        var refusals = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => stand.RefusalAsync(InferenceStand.Request(large))));

        Assert.InRange(refusals.Count(refusal => refusal is null), 3, 23);
        Assert.All(refusals.OfType<RpcException>(), refusal =>
        {
            Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
            Assert.InRange(int.Parse(refusal.Trailers.GetValue("grpc-retry-pushback-ms")!, null), 1, 5000);
        });
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Small)));
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_callers_go_away()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var large = InferenceStand.Request(InferenceStand.Picture(200, 100, 50, size: 800));

        for (var round = 0; round < 10; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(async number =>
            {
                var deadline = DateTime.UtcNow.AddMilliseconds(number % 2 == 0 ? 1 : 15);
                try
                {
                    await stand.Classifier.ClassifyAsync(large, InferenceStand.Caller(), deadline, TestContext.Current.CancellationToken);
                }
                catch (RpcException refusal)
                {
                    Assert.True(refusal.StatusCode is StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Cancelled, refusal.ToString());
                }
            }));
        }

        // Room for two and the lane again: whoever went away holds none of it.
        await stand.EventuallyAsync(
            async () => (await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => stand.StatusAsync(InferenceStand.Request(Small))))).Distinct().ToList(),
            statuses => statuses is [StatusCode.OK]);
    }

    [Fact]
    public async Task Should_refuse_in_every_protocol_before_reading_when_too_many_bytes_are_held()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Classification__MaxHeldBytes", (96 << 20).ToString(CultureInfo.InvariantCulture)));
        await stand.RegisterAndPromoteAsync(new TestModel());
        using var slow = new SlowBody(60 << 20);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var holding = PostAsync(stand, slow, stop.Token);
        await slow.Begun.Task.WaitAsync(TestContext.Current.CancellationToken);

        // 96 MiB less 60: an announced body of 40 is one too many, and so is one of 40 that nobody announced.
        using var announced = new SlowBody(40 << 20);
        using var json = await stand.EventuallyAsync(() => PostAsync(stand, announced, stop.Token), answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        var grpc = await stand.RefusalAsync(InferenceStand.Request(new byte[40 << 20]));
        var small = await stand.RefusalAsync(InferenceStand.Request(Small));

        Assert.True(json.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal(StatusCode.ResourceExhausted, grpc?.StatusCode);
        Assert.InRange(int.Parse(grpc!.Trailers.GetValue("grpc-retry-pushback-ms")!, null), 1, 5000);
        Assert.Null(small);

        // Who goes away gives the room back.
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => holding);
        await stand.EventuallyAsync(() => stand.StatusAsync(InferenceStand.Request(new byte[40 << 20])), status => status == StatusCode.InvalidArgument);
    }

    [Fact]
    public async Task Should_refuse_a_call_of_grpc_at_the_door_when_no_byte_is_left()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Classification__MaxHeldBytes", (96 << 20).ToString(CultureInfo.InvariantCulture)));
        using var slow = new SlowBody(60 << 20);
        using var slowToo = new SlowBody((36 << 20) - (160 << 10));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task[] holding = [PostAsync(stand, slow, stop.Token), PostAsync(stand, slowToo, stop.Token)];

        // A question that came between them would take the room of the second.
        await Task.WhenAll(slow.Begun.Task, slowToo.Begun.Task).WaitAsync(TestContext.Current.CancellationToken);

        var refusal = await stand.EventuallyAsync(() => stand.RefusalAsync(InferenceStand.Request(Small)), refusal => refusal?.StatusCode == StatusCode.ResourceExhausted);

        Assert.InRange(int.Parse(refusal!.Trailers.GetValue("grpc-retry-pushback-ms")!, null), 1, 5000);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(holding));
    }

    // The body is only sent when the service asks for it: who is refused at the door sends none.
    private static Task<HttpResponseMessage> PostAsync(InferenceStand stand, HttpContent body, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/classify") { Content = body, Headers = { ExpectContinue = true } };
        return stand.Http.SendAsync(request, cancellationToken);
    }

    /// <summary>JSON that announces its length and then comes as slowly as the service bears: blanks, faster than its least rate of 240 bytes a second.</summary>
    private sealed class SlowBody : HttpContent
    {
        private readonly long _length;

        public SlowBody(long length)
        {
            _length = length;
            Headers.ContentType = new("application/json");
        }

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync("{"u8.ToArray(), cancellationToken);
            await stream.FlushAsync(cancellationToken);
            Begun.TrySetResult();

            var blanks = new byte[1024];
            blanks.AsSpan().Fill((byte)' ');
            using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
            for (var left = _length - 1; left >= blanks.Length && await second.WaitForNextTickAsync(cancellationToken); left -= blanks.Length)
            {
                await stream.WriteAsync(blanks, cancellationToken);
                await stream.FlushAsync(cancellationToken);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _length;
            return true;
        }
    }
}
