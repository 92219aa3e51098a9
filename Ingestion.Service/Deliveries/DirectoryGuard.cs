namespace Melanoma.Ingestion.Deliveries;

/// <summary>The table of contents of an archive is larger than it may be.</summary>
internal sealed class DirectoryTooLargeException : Exception;

/// <summary>
/// Lets only so many bytes be read until it is lifted: <see cref="System.IO.Compression.ZipArchive"/> holds the table of
/// contents in memory, however long a hostile one is.
/// </summary>
internal sealed class DirectoryGuard(Stream inner, long limit) : Stream
{
    private long _left = limit;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    public void Lift() => _left = long.MaxValue;

    public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

    public override int Read(Span<byte> buffer) => Count(inner.Read(buffer));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await inner.ReadAsync(buffer, cancellationToken));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush() => inner.Flush();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Count(int read)
    {
        if (_left == long.MaxValue)
            return read;
        _left -= read;
        return _left >= 0 ? read : throw new DirectoryTooLargeException();
    }
}
