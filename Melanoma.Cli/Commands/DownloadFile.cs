namespace Melanoma.Cli.Commands;

/// <summary>A file that appears under its name when it is whole, and not at all when the download ends before.</summary>
internal sealed class DownloadFile : IAsyncDisposable
{
    private readonly string _path;
    private readonly string _unfinished;
    private readonly FileStream _file;
    private bool _finished;

    /// <summary>Begins a file beside the one that it will be.</summary>
    /// <exception cref="CommandFailure">Its name is that of a folder.</exception>
    /// <exception cref="IOException">It cannot be written there.</exception>
    public DownloadFile(string path)
    {
        if (Directory.Exists(path))
            throw new CommandFailure($"{path} is a folder: name the file.");
        _path = path;
        _unfinished = $"{path}.{Guid.NewGuid():N}.part";
        _file = new FileStream(_unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
    }

    /// <summary>Bytes written so far.</summary>
    public long Length => _file.Position;

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => _file.WriteAsync(bytes, cancellationToken);

    /// <summary>Gives the file its name, in place of one that was there.</summary>
    public async Task FinishAsync()
    {
        await _file.DisposeAsync();
        File.Move(_unfinished, _path, overwrite: true);
        _finished = true;
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        if (!_finished)
            File.Delete(_unfinished);
    }
}
