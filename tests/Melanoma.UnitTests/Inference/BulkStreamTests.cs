using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Classification;
using Microsoft.Extensions.Options;

namespace Melanoma.UnitTests.Inference;

public sealed class BulkStreamTests : IDisposable
{
    private readonly Channel<ClassifyStreamRequest> _questions = Channel.CreateUnbounded<ClassifyStreamRequest>();
    private readonly Answers _answers = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SemaphoreSlim _mayEnd = new(0);
    private int _inFlight;
    private int _most;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1 << 30, 3)]
    [InlineData(1, 1)]
    [InlineData((4 * HeldBytes.PerQuestion) - 2, 2)]
    public async Task Should_have_as_many_questions_in_flight_as_hands_and_room_allow(long room, int expected)
    {
        var held = Held(room);
        using var stream = Open(held);
        Ask(20);
        var serving = stream.ServeAsync(3);

        // None ends before as many are in flight as may be.
        for (var begun = 0; begun < expected; begun++)
        {
            await _begun.WaitAsync(Cancellation);
        }

        _mayEnd.Release(20);

        await serving;
        Assert.Equal(20, _answers.Written.Count);
        Assert.Equal(expected, _most);
        Assert.Equal(0, held.Now);
    }

    [Fact]
    public async Task Should_not_be_starved_when_others_hold_all_the_room()
    {
        var held = Held(1000);
        held.TakeForBulk(5000);
        using var stream = Open(held);
        Ask(5);
        _mayEnd.Release(5);

        await stream.ServeAsync(3);

        Assert.Equal((5, 1, 5000), (_answers.Written.Count, _most, held.Now));
    }

    [Fact]
    public async Task Should_answer_what_it_has_read_and_no_more_when_the_service_stops()
    {
        using var stream = Open(Held(1 << 30));
        Ask(20);
        var serving = stream.ServeAsync(3);
        for (var hand = 0; hand < 3; hand++)
        {
            await _begun.WaitAsync(Cancellation);
        }

        await _stopping.CancelAsync();
        _mayEnd.Release(20);
        var verdict = await Assert.ThrowsAsync<RpcException>(() => serving);

        Assert.Equal((StatusCode.Unavailable, 3), (verdict.StatusCode, _answers.Written.Count));
    }

    [Fact]
    public async Task Should_end_with_a_defect_and_give_everything_back_when_an_answer_cannot_be_written()
    {
        var held = Held(1 << 30);
        _answers.Defect = new InvalidOperationException("a defect");
        using var stream = Open(held);
        Ask(1, complete: false);
        _mayEnd.Release();

        Assert.Same(_answers.Defect, await Assert.ThrowsAsync<InvalidOperationException>(() => stream.ServeAsync(3)));
        Assert.Equal(0, held.Now);
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _begun.Dispose();
        _mayEnd.Dispose();
    }

    private static HeldBytes Held(long room) => new(Options.Create(new ClassificationOptions { MaxHeldBytes = room }));

    private void Ask(int questions, bool complete = true)
    {
        for (var number = 0; number < questions; number++)
        {
            Assert.True(_questions.Writer.TryWrite(new ClassifyStreamRequest { Key = $"{number}" }));
        }

        if (complete)
        {
            _questions.Writer.Complete();
        }
    }

    private BulkStream Open(HeldBytes held) => new(new Questions(_questions.Reader), _answers, AnswerAsync, held, _stopping.Token, Cancellation);

    private async Task<ClassifyStreamResponse> AnswerAsync(ClassifyStreamRequest question)
    {
        var now = Interlocked.Increment(ref _inFlight);
        lock (_answers)
        {
            _most = Math.Max(_most, now);
        }

        _begun.Release();
        await _mayEnd.WaitAsync(Cancellation);
        Interlocked.Decrement(ref _inFlight);
        return new ClassifyStreamResponse { Key = question.Key };
    }

    private sealed class Questions(ChannelReader<ClassifyStreamRequest> reader) : IAsyncStreamReader<ClassifyStreamRequest>
    {
        public ClassifyStreamRequest Current { get; private set; } = new();

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!await reader.WaitToReadAsync(cancellationToken))
            {
                return false;
            }

            Current = await reader.ReadAsync(cancellationToken);
            return true;
        }
    }

    private sealed class Answers : IServerStreamWriter<ClassifyStreamResponse>
    {
        public ConcurrentQueue<ClassifyStreamResponse> Written { get; } = [];

        public Exception? Defect { get; set; }

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(ClassifyStreamResponse message)
        {
            Written.Enqueue(message);
            return Defect is null ? Task.CompletedTask : Task.FromException(Defect);
        }

        public Task WriteAsync(ClassifyStreamResponse message, CancellationToken cancellationToken) => WriteAsync(message);
    }
}
