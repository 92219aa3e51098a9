using Google.Protobuf;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Streams a delivery to the catalogue.</summary>
internal static class DeliverySender
{
    private const int ChunkBytes = 512 * 1024;

    /// <summary>Sends every file that can be opened; returns the delivery and the files that could not.</summary>
    /// <param name="gateway">Where to.</param>
    /// <param name="source">What.</param>
    /// <param name="sent">Told the number of bytes after each chunk; a file that cannot be opened counts as sent.</param>
    /// <param name="allSent">Told when the last byte has left.</param>
    /// <param name="cancellationToken">Ends the stream; what the service has stored by then stays stored.</param>
    /// <exception cref="RpcException">The service ended the delivery.</exception>
    public static async Task<(Delivery Delivery, IReadOnlyList<string> Unreadable)> SendAsync(
        GatewayConnection gateway, DeliverySource source, Action<long> sent, Action allSent, CancellationToken cancellationToken)
    {
        using var call = gateway.Catalog.Ingest(cancellationToken: cancellationToken);
        var unreadable = new List<string>();
        try
        {
            await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = source.Name } }, cancellationToken);
            var buffers = (new byte[ChunkBytes], new byte[ChunkBytes]);
            foreach (var file in source.Files)
                await SendFileAsync(call.RequestStream, file, buffers, sent, unreadable, cancellationToken);
            await call.RequestStream.CompleteAsync();
            allSent();
        }
        catch (Exception failure) when (failure is InvalidOperationException or RpcException)
        {
            // The service ended the call before the end of the stream: its answer says why.
            await call.ResponseAsync;
            throw;
        }

        return (await call.ResponseAsync, unreadable);
    }

    private static async Task SendFileAsync(
        IClientStreamWriter<IngestRequest> stream, PictureFile file, (byte[] Chunk, byte[] Next) buffers, Action<long> sent, List<string> unreadable,
        CancellationToken cancellationToken)
    {
        FileStream content;
        try
        {
            content = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            unreadable.Add($"{file.Name}: {failure.Message}");
            sent(file.Size);
            return;
        }

        await using (content)
        {
            var written = File.GetLastWriteTimeUtc(content.SafeFileHandle);
            await stream.WriteAsync(new IngestRequest { File = new FileHeader { Path = file.Name, Size = content.Length } }, cancellationToken);
            var (chunk, next) = buffers;
            var count = await content.ReadAsync(chunk, cancellationToken);
            while (count > 0)
            {
                var nextCount = await content.ReadAsync(next, cancellationToken);

                // Without its last chunk a file that was written meanwhile is not whole, and the service says that it waits.
                if (nextCount == 0 && File.GetLastWriteTimeUtc(content.SafeFileHandle) != written)
                    break;

                // The message is written out before the buffer is used again.
                await stream.WriteAsync(new IngestRequest { Chunk = UnsafeByteOperations.UnsafeWrap(chunk.AsMemory(0, count)) }, cancellationToken);
                sent(count);
                (chunk, next, count) = (next, chunk, nextCount);
            }
        }
    }
}
