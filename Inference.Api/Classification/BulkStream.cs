using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.Inference.Classification;

/// <summary>
/// One stream of questions. Hands take one question each, have it answered and write the answer, so that no more are in flight than there are hands; a hand that finds no room for
/// another question waits instead of reading it, and the caller's own sending comes to rest.
/// </summary>
internal sealed class BulkStream : IDisposable
{
    private const int MaxKey = 200;

    private readonly IAsyncStreamReader<ClassifyStreamRequest> _questions;
    private readonly IServerStreamWriter<ClassifyStreamResponse> _answers;
    private readonly Func<ClassifyStreamRequest, Task<ClassifyStreamResponse>> _answer;
    private readonly HeldBytes _held;
    private readonly CancellationToken _stopping;
    private readonly CancellationToken _cancellation;
    private readonly CancellationTokenSource _endsReading;
    private readonly SemaphoreSlim _reading = new(1);
    private readonly SemaphoreSlim _writing = new(1);
    private bool _ended;
    private RpcException? _verdict;
    private int _inFlight;

    /// <param name="questions">What is asked.</param>
    /// <param name="answers">Where answers go.</param>
    /// <param name="answer">Answers one question.</param>
    /// <param name="held">Where the bytes of questions count.</param>
    /// <param name="stopping">Tells that the service stops.</param>
    /// <param name="cancellationToken">Tells that the caller has gone away.</param>
    public BulkStream(
        IAsyncStreamReader<ClassifyStreamRequest> questions, IServerStreamWriter<ClassifyStreamResponse> answers, Func<ClassifyStreamRequest, Task<ClassifyStreamResponse>> answer,
        HeldBytes held, CancellationToken stopping, CancellationToken cancellationToken)
    {
        (_questions, _answers, _answer, _held, _stopping, _cancellation) = (questions, answers, answer, held, stopping, cancellationToken);
        _endsReading = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellationToken);
    }

    /// <summary>Serves until the caller has no more questions, or nothing more is to be read; all that was read is answered.</summary>
    /// <param name="hands">How many questions are in flight at most.</param>
    /// <exception cref="RpcException">Why no more was read.</exception>
    public async Task ServeAsync(int hands)
    {
        await Task.WhenAll(Enumerable.Range(0, hands).Select(_ => WorkAsync()));
        if (_verdict is not null)
        {
            throw _verdict;
        }
    }

    public void Dispose()
    {
        _endsReading.Dispose();
        _reading.Dispose();
        _writing.Dispose();
    }

    private async Task WorkAsync()
    {
        try
        {
            while (await ReadAsync() is { } question)
            {
                await AnswerAsync(question);
            }
        }
        catch
        {
            // A defect: the other hands need not wait for more questions.
            await _endsReading.CancelAsync();
            throw;
        }
    }

    private async Task<ClassifyStreamRequest?> ReadAsync()
    {
        await _reading.WaitAsync(_cancellation);
        try
        {
            if (_ended || !await NextAsync())
            {
                _ended = true;
                return null;
            }

            Interlocked.Increment(ref _inFlight);
            _held.TakeForBulk(Bytes(_questions.Current));
            return _questions.Current;
        }
        finally
        {
            _reading.Release();
        }
    }

    private async Task<bool> NextAsync()
    {
        try
        {
            // Who has nothing in flight may always hold one question: else streams could keep each other from ever being served.
            while (Volatile.Read(ref _inFlight) > 0 && _held.IsFullForBulk(out var change))
            {
                await change.WaitAsync(_endsReading.Token);
            }

            if (!await _questions.MoveNext(_endsReading.Token))
            {
                return false;
            }
        }
        catch (OperationCanceledException) when (!_cancellation.IsCancellationRequested)
        {
            _verdict = _stopping.IsCancellationRequested ? Refusal.Of(StatusCode.Unavailable, "The service is stopping; send what has no answer yet on a new stream.") : null;
            return false;
        }

        if (_questions.Current.Key.Length <= MaxKey)
        {
            return true;
        }

        _verdict = Refusal.Of(StatusCode.InvalidArgument, $"A key has {_questions.Current.Key.Length} characters; at most {MaxKey} are taken.");
        return false;
    }

    private async Task AnswerAsync(ClassifyStreamRequest question)
    {
        try
        {
            var answer = await ComputeAsync(question);
            await _writing.WaitAsync(_cancellation);
            try
            {
                await _answers.WriteAsync(answer, _cancellation);
            }
            finally
            {
                _writing.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    // Once a picture is answered it holds no room, however long its caller takes to read the answer.
    private async Task<ClassifyStreamResponse> ComputeAsync(ClassifyStreamRequest question)
    {
        var bytes = Bytes(question);
        try
        {
            return await _answer(question);
        }
        finally
        {
            question.Request = null;
            _held.GiveBackOfBulk(bytes);
        }
    }

    private static long Bytes(ClassifyStreamRequest question) => HeldBytes.PerQuestion + (question.Request?.Image.Length ?? 0);
}
