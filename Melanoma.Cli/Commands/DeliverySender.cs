using Google.Protobuf;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Streams a delivery to the catalogue.</summary>
internal static class DeliverySender
{
    private const int ChunkBytes = 512 * 1024;

    /// <summary>Sends every file; of those that cannot be read, why.</summary>
    /// <param name="gateway">Where to.</param>
    /// <param name="source">What.</param>
    /// <param name="sent">Told the number of bytes after each chunk; a file that cannot be read counts as sent.</param>
    /// <param name="allSent">Told when the last byte has left.</param>
    /// <param name="taken">Told now and then how many files have a line in the report.</param>
    /// <param name="cancellationToken">Ends the stream; what the service has stored by then stays stored.</param>
    /// <exception cref="RpcException">The service ended the delivery.</exception>
    public static async Task<Delivery> SendAsync(
        GatewayConnection gateway, DeliverySource source, Action<long> sent, Action allSent, Action<int> taken, CancellationToken cancellationToken)
    {
        using var call = gateway.Catalog.Ingest(cancellationToken: cancellationToken);
        using var answered = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var following = DeliveryProgress.FollowAsync(gateway, call.ResponseHeadersAsync, taken, answered.Token);
        try
        {
            await SendAsync(call.RequestStream, source, sent, cancellationToken);
            allSent();
            return await call.ResponseAsync;
        }
        catch (Exception failure) when (failure is InvalidOperationException or RpcException)
        {
            // The service ended the call before the end of the stream: its answer says why.
            await call.ResponseAsync;
            throw;
        }
        finally
        {
            await answered.CancelAsync();
            await following;
        }
    }

    private static async Task SendAsync(
        IClientStreamWriter<IngestRequest> stream, DeliverySource source, Action<long> sent, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = source.Name } }, cancellationToken);
        var buffers = (new byte[ChunkBytes], new byte[ChunkBytes]);
        foreach (var file in source.Files)
        {
            if (await TrySendAsync(stream, file, buffers, sent, cancellationToken) is not { } unreadable)
                continue;
            await stream.WriteAsync(new IngestRequest { File = new FileHeader { Path = file.Name, Unreadable = unreadable } }, cancellationToken);
            sent(file.Size);
        }

        await stream.CompleteAsync();
    }

    /// <summary>Sends a file.</summary>
    /// <returns>Why nothing was sent of it, or null.</returns>
    private static async Task<string?> TrySendAsync(
        IClientStreamWriter<IngestRequest> stream, PictureFile file, (byte[] Chunk, byte[] Next) buffers, Action<long> sent,
        CancellationToken cancellationToken)
    {
        var (chunk, next) = buffers;
        FileStream content;
        try
        {
            content = new FileStream(
                file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Explain(failure, file);
        }

        await using (content)
        {
            long size;
            DateTime written;
            int count;
            try
            {
                (size, written) = (content.Length, File.GetLastWriteTimeUtc(content.SafeFileHandle));
                count = await content.ReadAsync(chunk, cancellationToken);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                return Explain(failure, file);
            }

            await stream.WriteAsync(new IngestRequest { File = new FileHeader { Path = file.Name, Size = size } }, cancellationToken);
            while (count > 0)
            {
                // Without its last chunk a file that broke off or was written meanwhile is not whole, and the service says that it waits.
                if (await ReadOnAsync(content, next, written, cancellationToken) is not { } nextCount)
                    break;

                // The message is written out before the buffer is used again.
                await stream.WriteAsync(new IngestRequest { Chunk = UnsafeByteOperations.UnsafeWrap(chunk.AsMemory(0, count)) }, cancellationToken);
                sent(count);
                (chunk, next, count) = (next, chunk, nextCount);
            }
        }

        return null;
    }

    /// <summary>Reads the next chunk, 0 bytes at the end; null when it cannot be read, or at the end of a file that was written meanwhile.</summary>
    private static async Task<int?> ReadOnAsync(FileStream content, byte[] chunk, DateTime written, CancellationToken cancellationToken)
    {
        try
        {
            var count = await content.ReadAsync(chunk, cancellationToken);
            return count > 0 || File.GetLastWriteTimeUtc(content.SafeFileHandle) == written ? count : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Where the file lies on this machine is nobody's business.
    private static string Explain(Exception failure, PictureFile file) => failure.Message.Replace(file.Path, file.Name, StringComparison.Ordinal).TrimEnd('.');
}
