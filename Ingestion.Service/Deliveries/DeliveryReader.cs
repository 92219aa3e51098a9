using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Reads the messages of a delivery: files in chunks, each an image that fits in memory or an archive that is spooled to disk.</summary>
internal sealed class DeliveryReader(IAsyncStreamReader<IngestRequest> messages, DeliverySink sink, DeliveryOptions options, TimeProvider time)
{
    public const int MaxChunkBytes = 1024 * 1024;

    private static readonly int MaxImageBytes = ImageLimits.Default.MaxBytes;

    /// <summary>Reads until the sender is done. The header has been read already.</summary>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        var more = await NextAsync(cancellationToken);
        while (more)
        {
            if (messages.Current.PartCase != IngestRequest.PartOneofCase.File)
                ThrowOutOfOrder("After the header each file begins with a file message; its chunks follow.");
            more = await ReadFileAsync(messages.Current.File, cancellationToken);
        }
    }

    // Returns whether there is another message, which is then the current one.
    private async Task<bool> ReadFileAsync(FileHeader header, CancellationToken cancellationToken)
    {
        var start = new ArrayBufferWriter<byte>((int)Math.Clamp(header.Size, 4096, MaxChunkBytes));
        long size = 0;
        ArchiveSpool? spool = null;
        try
        {
            bool more;
            while ((more = await NextAsync(cancellationToken)) && messages.Current.PartCase == IngestRequest.PartOneofCase.Chunk)
            {
                var chunk = messages.Current.Chunk.Memory;
                if (chunk.Length > MaxChunkBytes)
                    ThrowOutOfOrder($"A chunk has {chunk.Length} bytes; at most {MaxChunkBytes} are taken. Cut the file into smaller chunks.");
                size += chunk.Length;
                if (spool is null && size <= MaxImageBytes)
                    start.Write(chunk.Span);
                spool ??= ArchiveSpool.OpenFor(start.WrittenSpan, options);
                if (spool is not null)
                    await spool.TakeAsync(spool.Written == 0 ? start.WrittenMemory : chunk, cancellationToken);
            }

            await HandInAsync(header, start, size, spool, cancellationToken);
            return more;
        }
        finally
        {
            if (spool is not null)
                await spool.DisposeAsync();
        }
    }

    private async Task HandInAsync(FileHeader header, ArrayBufferWriter<byte> start, long size, ArchiveSpool? spool, CancellationToken cancellationToken)
    {
        if (header.HasSize && header.Size != size)
        {
            await sink.RefuseAsync(header.Path, size, new Refusal(RefusalKinds.SizeDiffers,
                $"The sender announced {header.Size} bytes and sent {size}: the file changed or was cut off on the way. Send it again."), cancellationToken);
        }
        else if (spool is not null)
        {
            await spool.ReadEntriesAsync(header.Path, sink, cancellationToken);
        }
        else if (size > MaxImageBytes)
        {
            await sink.RefuseAsync(header.Path, size, TooLarge(size), cancellationToken);
        }
        else
        {
            await sink.AddAsync(header.Path, start.WrittenSpan.ToArray(), cancellationToken);
        }
    }

    private Task<bool> NextAsync(CancellationToken cancellationToken) => NextAsync(messages, options, time, cancellationToken);

    /// <summary>Waits for the next message; a sender that neither goes on nor away would hold its place for ever.</summary>
    /// <returns>Whether there is one, which is then the current one.</returns>
    /// <exception cref="RpcException">DEADLINE_EXCEEDED: the sender was silent for too long.</exception>
    public static async Task<bool> NextAsync(
        IAsyncStreamReader<IngestRequest> messages, DeliveryOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        using var silence = new CancellationTokenSource(TimeSpan.FromSeconds(options.MaxSilenceSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        try
        {
            return await messages.MoveNext(either.Token);
        }
        catch (OperationCanceledException) when (silence.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded,
                $"The sender was silent for {options.MaxSilenceSeconds} seconds. What came so far is stored; deliver again."));
        }
    }

    private static Refusal TooLarge(long size) => new(RefusalKinds.TooLarge, string.Create(System.Globalization.CultureInfo.InvariantCulture,
        $"The file has {size / 1048576.0:0.0} MiB; at most {MaxImageBytes / 1048576} MiB are taken for an image. Save it smaller."));

    [DoesNotReturn]
    private static void ThrowOutOfOrder(string detail) => throw new RpcException(new Status(StatusCode.InvalidArgument, detail));
}
