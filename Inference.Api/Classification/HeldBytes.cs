using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Classification;

/// <summary>How many bytes of questions are held, by single calls and by streams together, and whether there is room for more.</summary>
internal sealed class HeldBytes(IOptions<ClassificationOptions> options)
{
    /// <summary>Charged for any question beside its bytes, so that many small ones are bounded too.</summary>
    public const long PerQuestion = 64 * 1024;

    private readonly long _room = options.Value.MaxHeldBytes;
    private readonly Lock _lock = new();
    private TaskCompletionSource? _change;
    private long _held;

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

    /// <summary>Holds so many more, whatever is held already.</summary>
    public void Take(long bytes)
    {
        lock (_lock)
        {
            _held += bytes;
        }
    }

    /// <summary>Holds so many less.</summary>
    public void GiveBack(long bytes)
    {
        TaskCompletionSource? change;
        lock (_lock)
        {
            _held -= bytes;
            (change, _change) = (_change, null);
        }

        change?.SetResult();
    }

    /// <summary>Whether there is room for nothing more.</summary>
    /// <param name="change">Where it is so: ends when some are given back, which may be too few.</param>
    public bool IsFull(out Task change)
    {
        lock (_lock)
        {
            if (_held < _room)
            {
                change = Task.CompletedTask;
                return false;
            }

            _change ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            change = _change.Task;
            return true;
        }
    }
}
