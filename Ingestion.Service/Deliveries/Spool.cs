namespace Melanoma.Ingestion.Deliveries;

/// <summary>
/// A file on its way through that has to be whole before it is read: in memory while it is small, then in a file without a name, which the
/// system removes with the process.
/// </summary>
internal sealed class Spool(long limit, DeliveryOptions options) : IAsyncDisposable
{
    private const int MemoryBytes = 1024 * 1024;
    private const int DiskCheckInterval = 64 * 1024 * 1024;
    private const int BufferBytes = 64 * 1024;

    private Stream _store = new MemoryStream();
    private long _nextDiskCheck;

    /// <summary>Bytes taken so far, those not kept counted.</summary>
    public long Written { get; private set; }

    /// <summary>There were more bytes than the limit allows.</summary>
    public bool IsOverLimit { get; private set; }

    /// <summary>The disk had no room for it.</summary>
    public bool IsOutOfSpace { get; private set; }

    /// <summary>Whether all that came was kept.</summary>
    public bool IsWhole => !IsOverLimit && !IsOutOfSpace;

    /// <summary>Takes the beginning and all that follows it; past the limit bytes are counted and forgotten, or not even read.</summary>
    /// <param name="start">What was read already.</param>
    /// <param name="rest">Everything behind it.</param>
    /// <param name="readOn">Whether to read on past the limit.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>What was kept, at its beginning.</returns>
    public async Task<Stream> TakeAsync(ReadOnlyMemory<byte> start, Stream rest, bool readOn, CancellationToken cancellationToken)
    {
        await TakeAsync(start, cancellationToken);
        var buffer = new byte[BufferBytes];
        int read;
        while ((IsWhole || readOn) && (read = await rest.ReadAsync(buffer, cancellationToken)) > 0)
            await TakeAsync(buffer.AsMemory(0, read), cancellationToken);
        _store.Position = 0;
        return _store;
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private async ValueTask TakeAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        Written += bytes.Length;
        IsOverLimit |= Written > limit;
        if (!IsWhole)
        {
            _store.SetLength(0);
            return;
        }

        try
        {
            if (Written > MemoryBytes && _store is MemoryStream)
                await MoveToDiskAsync(cancellationToken);
            if (_store is FileStream file && Written >= _nextDiskCheck)
            {
                _nextDiskCheck = Written + DiskCheckInterval;
                IsOutOfSpace = new DriveInfo(Path.GetDirectoryName(file.Name)!).AvailableFreeSpace - DiskCheckInterval < options.MinFreeDiskBytes;
            }

            if (!IsOutOfSpace)
                await _store.WriteAsync(bytes, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            IsOutOfSpace = true;
        }
    }

    private async Task MoveToDiskAsync(CancellationToken cancellationToken)
    {
        var file = NamelessFile.Create(options.SpoolFolder);
        var memory = _store;
        _store = file;
        memory.Position = 0;
        await memory.CopyToAsync(file, cancellationToken);
        await memory.DisposeAsync();
    }
}
