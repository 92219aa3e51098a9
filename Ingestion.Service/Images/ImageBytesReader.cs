using System.Data;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Npgsql;

namespace Melanoma.Ingestion.Images;

/// <summary>Sends the bytes of an image as they were delivered, a chunk in memory at a time.</summary>
internal sealed class ImageBytesReader(NpgsqlDataSource dataSource)
{
    private const int ChunkBytes = 256 * 1024;

    private const string Content = "SELECT media_type, forgotten_at IS NOT NULL, bytes FROM images LEFT JOIN image_contents ON image_id = id WHERE id = $1";

    /// <exception cref="RpcException">NOT_FOUND: there is none of this id. FAILED_PRECONDITION: it was forgotten.</exception>
    public async Task SendAsync(Guid id, IServerStreamWriter<ImageChunk> answer, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Content);
        command.Parameters.Add(new() { Value = id });
        await using var row = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess | CommandBehavior.SingleRow, cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
            throw ImageIds.NotFound(id);
        var mediaType = row.GetString(0);
        if (row.GetBoolean(1) || await row.IsDBNullAsync(2, cancellationToken))
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Image {id} was forgotten: its bytes were deleted for good."));
        await using var content = await row.GetStreamAsync(2, cancellationToken);
        var buffer = new byte[ChunkBytes];
        int count;
        while ((count = await content.ReadAtLeastAsync(buffer, ChunkBytes, throwOnEndOfStream: false, cancellationToken)) > 0)
        {
            // The message is written out before the buffer is used again.
            var chunk = new ImageChunk { MediaType = mediaType, Bytes = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, count)) };
            await answer.WriteAsync(chunk, cancellationToken);
            mediaType = "";
        }
    }
}
