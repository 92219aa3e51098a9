using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Exports;

/// <summary>Cuts what is written into the chunks of an answer, each sent when it is full: the receiver's pace is the writer's.</summary>
internal sealed class ExportStream(IServerStreamWriter<ExportChunk> answer) : Stream
{
    private const int ChunkBytes = 256 * 1024;

    private readonly byte[] _buffer = new byte[ChunkBytes];
    private int _filled;
    private long _sent;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    /// <summary>How many bytes were written.</summary>
    public override long Position
    {
        get => _sent + _filled;
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, ChunkBytes - _filled);
            buffer[..count].CopyTo(_buffer.AsMemory(_filled));
            _filled += count;
            buffer = buffer[count..];
            if (_filled == ChunkBytes)
                await FlushAsync(cancellationToken);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Sends what has gathered.</summary>
    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_filled == 0)
            return;

        // The message is written out before the buffer is used again.
        await answer.WriteAsync(new ExportChunk { Bytes = UnsafeByteOperations.UnsafeWrap(_buffer.AsMemory(0, _filled)) }, cancellationToken);
        _sent += _filled;
        _filled = 0;
    }

    // Whoever compresses flushes without need: small chunks would cost more than they bring.
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
