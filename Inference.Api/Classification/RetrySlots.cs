namespace Melanoma.Inference.Classification;

/// <summary>
/// When refused callers may come back. Were all of them told the same delay, they would all come at once and most be refused again; so each gets a slot of its own, and the slots
/// follow each other as fast as images are served, from the moment when those who wait will have been served. As time passes, the last slot given comes nearer by itself. Not thread-safe.
/// </summary>
internal sealed class RetrySlots
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly long _began;
    private TimeSpan _last;

    public RetrySlots(TimeProvider time) => (_time, _began) = (time, time.GetTimestamp());

    /// <summary>The next slot, 1 ms to 5 s from now.</summary>
    /// <param name="drained">How long the queue takes from now.</param>
    /// <param name="step">How long what is asked for keeps all lanes.</param>
    public TimeSpan Next(TimeSpan drained, TimeSpan step)
    {
        var now = _time.GetElapsedTime(_began);
        var slot = (now + drained > _last ? now + drained : _last) + step;
        _last = slot < now + Longest ? slot : now + Longest;
        return _last - now > Shortest ? _last - now : Shortest;
    }
}
