using System.Threading.Channels;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>Wakes whoever waits when something comes into the folder. Events may be missed, so nobody may rely on it.</summary>
internal sealed class FolderWatch : IDisposable
{
    private readonly FileSystemWatcher _watcher;
    private readonly Channel<bool> _events = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <exception cref="IOException">The folder cannot be watched.</exception>
    public FolderWatch(string root)
    {
        _watcher = new FileSystemWatcher(root)
        {
            IncludeSubdirectories = true,
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite,
        };
        _watcher.Created += (_, change) => Wake(change.Name);
        _watcher.Changed += (_, change) => Wake(change.Name);
        _watcher.Renamed += (_, change) => Wake(change.Name);
        _watcher.Error += (_, _) => Wake(null);
        _watcher.EnableRaisingEvents = true;
    }

    /// <summary>Waits until something came, at most so long.</summary>
    public async Task WaitAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await _events.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing came, as far as is known.
        }
    }

    public void Dispose() => _watcher.Dispose();

    private void Wake(string? name)
    {
        if (name is null || !DropFolderListing.IsDone(name))
            _events.Writer.TryWrite(true);
    }
}
