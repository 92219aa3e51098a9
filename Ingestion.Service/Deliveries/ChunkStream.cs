using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>The chunks of the file whose message is the current one, as a stream. Behind its end the message after the file is the current one.</summary>
internal sealed class ChunkStream(IAsyncStreamReader<IngestRequest> messages, DeliveryOptions options, TimeProvider time) : ForwardStream
{
    private ReadOnlyMemory<byte> _chunk;
    private bool _ended;
    private bool _isMore;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_chunk.IsEmpty && !_ended)
        {
            _isMore = await DeliveryReader.NextAsync(messages, options, time, cancellationToken);
            _ended = !_isMore || messages.Current.PartCase != IngestRequest.PartOneofCase.Chunk;
            _chunk = _ended ? default : messages.Current.Chunk.Memory;
            if (_chunk.Length > DeliveryReader.MaxChunkBytes)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument,
                    $"A chunk has {_chunk.Length} bytes; at most {DeliveryReader.MaxChunkBytes} are taken. Cut the file into smaller chunks."));
            }
        }

        var count = Math.Min(buffer.Length, _chunk.Length);
        _chunk[..count].CopyTo(buffer);
        _chunk = _chunk[count..];
        return count;
    }

    /// <summary>Passes over what is left of the file; returns whether there is another message, which is then the current one.</summary>
    public async ValueTask<bool> EndAsync(CancellationToken cancellationToken)
    {
        var rest = new byte[1];
        while (await ReadAsync(rest, cancellationToken) > 0)
            _chunk = default;
        return _isMore;
    }
}
