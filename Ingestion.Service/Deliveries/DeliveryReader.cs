using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Reads the messages of a delivery: files in chunks.</summary>
internal sealed class DeliveryReader(IAsyncStreamReader<IngestRequest> messages, FileIntake intake, DeliveryOptions options, TimeProvider time)
{
    public const int MaxChunkBytes = 1024 * 1024;

    private const int MaxReasonLength = 300;

    /// <summary>Reads until the sender is done. The header has been read already.</summary>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        var isMore = await NextAsync(messages, options, time, cancellationToken);
        while (isMore)
        {
            if (messages.Current.PartCase != IngestRequest.PartOneofCase.File)
                throw new RpcException(new Status(StatusCode.InvalidArgument, "After the header each file begins with a file message; its chunks follow."));
            var header = messages.Current.File;
            if (header.HasUnreadable)
            {
                await intake.Sink.RefuseAsync(header.Path, 0, Unreadable(header.Unreadable), cancellationToken);
                isMore = await NextAsync(messages, options, time, cancellationToken);
                continue;
            }

            await using var content = new ChunkStream(messages, options, time);
            await intake.ReadAsync(header.Path, content, size => DoubtOf(header, size), cancellationToken);
            isMore = await content.EndAsync(cancellationToken);
        }
    }

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

    // What a sender says goes into the database and before people's eyes.
    private static Refusal Unreadable(string why) => new(RefusalKinds.Unreadable,
        $"The sender cannot read the file ({string.Concat(why.Take(MaxReasonLength).Select(letter => char.IsControl(letter) || char.IsSurrogate(letter) ? ' ' : letter))}). "
        + "Give it the right to read it, or check its disk, and deliver it again.");

    private static string? DoubtOf(FileHeader header, long size) => header.HasSize && header.Size != size
        ? $"The sender announced {header.Size} bytes and sent {size}: the file is still being copied, or was cut off on the way. Deliver it again when it is complete."
        : null;
}
