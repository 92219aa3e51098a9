using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Classification;

/// <summary>How many bytes of questions are held, by single calls and by streams together, and whether there is room for more.</summary>
internal sealed class HeldBytes(IOptions<ClassificationOptions> options)
{
    /// <summary>Charged for any question beside its bytes, so that many small ones are bounded too.</summary>
    public const long PerQuestion = 64 * 1024;

    private readonly long _room = options.Value.MaxHeldBytes;

    /// <summary>Bulk leaves the other half to single calls, however many streams are open.</summary>
    private readonly long _roomOfBulk = options.Value.MaxHeldBytes / 2;
    private readonly Lock _lock = new();
    private TaskCompletionSource? _change;
    private long _held;
    private long _bulk;

    /// <summary>How many at this moment.</summary>
    public long Now
    {
        get
        {
            lock (_lock)
            {
                return _held;
            }
        }
    }

    /// <summary>Holds so many more, if there is room for them.</summary>
    public bool TryTake(long bytes)
    {
        lock (_lock)
        {
            if (_held + bytes > _room)
            {
                return false;
            }

            _held += bytes;
            return true;
        }
    }

    /// <summary>Holds so many more for a stream, whatever is held already.</summary>
    public void TakeForBulk(long bytes)
    {
        lock (_lock)
        {
            _held += bytes;
            _bulk += bytes;
        }
    }

    /// <summary>Holds so many less.</summary>
    public void GiveBack(long bytes) => GiveBack(bytes, ofBulk: 0);

    /// <summary>Holds so many less for a stream.</summary>
    public void GiveBackOfBulk(long bytes) => GiveBack(bytes, bytes);

    /// <summary>Whether there is room for nothing more of bulk.</summary>
    /// <param name="change">Where it is so: ends when some are given back, which may be too few.</param>
    public bool IsFullForBulk(out Task change)
    {
        lock (_lock)
        {
            if (_held < _room && _bulk < _roomOfBulk)
            {
                change = Task.CompletedTask;
                return false;
            }

            _change ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            change = _change.Task;
            return true;
        }
    }

    private void GiveBack(long bytes, long ofBulk)
    {
        TaskCompletionSource? change;
        lock (_lock)
        {
            _held -= bytes;
            _bulk -= ofBulk;
            (change, _change) = (_change, null);
        }

        change?.SetResult();
    }
}
