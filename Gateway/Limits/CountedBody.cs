using Melanoma.Gateway.Refusals;

namespace Melanoma.Gateway.Limits;

/// <summary>A request's body whose bytes count towards the caller's day; it ends where the day is used up.</summary>
internal sealed class CountedBody(Stream body, DailyBytes.Account account) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await body.ReadAsync(buffer, cancellationToken);
        if (read > 0)
            account.Add(read);
        return read == 0 || account.IsGood ? read : throw new DayUsedUpException(Refusal.DayUsedUp(account.UntilTomorrow));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();
}

/// <summary>The caller has sent all that it may today.</summary>
internal sealed class DayUsedUpException(Refusal refusal) : IOException(refusal.Sentence)
{
    public Refusal Refusal => refusal;

    /// <summary>The exception among those that wrap it; null when it is not there.</summary>
    public static DayUsedUpException? In(Exception? exception) => exception switch
    {
        null => null,
        DayUsedUpException usedUp => usedUp,
        AggregateException several => several.InnerExceptions.Select(In).FirstOrDefault(found => found is not null),
        _ => In(exception.InnerException),
    };
}
