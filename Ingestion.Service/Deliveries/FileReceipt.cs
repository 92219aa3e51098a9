using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>
/// Follows the lines of one file, of which an archive has many, until the last one is committed. Lines are expected by whoever reads the
/// file and committed by whoever writes, each on a thread of its own.
/// </summary>
/// <param name="settled">Told once, when the file has been read to its end and each of its lines is committed.</param>
internal sealed class FileReceipt(Action<FileReceipt> settled)
{
    private const int MaxReasons = 100;

    private readonly Lock _lock = new();
    private readonly List<string> _reasons = [];
    private int _open = 1;

    /// <summary>Lines of pictures and tables that were taken, duplicates counted.</summary>
    public int Taken { get; private set; }

    /// <summary>Lines that were refused.</summary>
    public int Refused { get; private set; }

    /// <summary>Lines that say that the file is still being written.</summary>
    public int Waiting { get; private set; }

    /// <summary>Path and reason of what was refused, the first hundred.</summary>
    public IReadOnlyList<string> Reasons => _reasons;

    /// <summary>A line was handed in.</summary>
    public void Expect()
    {
        lock (_lock)
            _open++;
    }

    /// <summary>A line was committed.</summary>
    public void Commit(DeliveryFile line)
    {
        lock (_lock)
        {
            switch (line.Outcome)
            {
                case FileOutcome.Refused:
                    Refused++;
                    if (_reasons.Count < MaxReasons)
                        _reasons.Add($"{line.Path}: {line.Reason}");
                    break;
                case FileOutcome.Waiting:
                    Waiting++;
                    break;
                default:
                    Taken++;
                    break;
            }
        }

        CloseOne();
    }

    /// <summary>The file was read to its end: no more lines come.</summary>
    public void Complete() => CloseOne();

    private void CloseOne()
    {
        lock (_lock)
        {
            if (--_open > 0)
                return;
        }

        settled(this);
    }
}
