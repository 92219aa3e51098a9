using System.Threading.Channels;
using System.Threading.RateLimiting;
using Melanoma.Imaging;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Disks;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>
/// Brings the files of one delivery into the catalogue with flat memory: read, recognised by their hash, decoded on all
/// processors unless known, written in batches in the order in which they came. Each stage waits when the next is slower.
/// </summary>
internal sealed class DeliveryPipeline(
    CatalogueWriter writer, PictureJudge judge, DiskWatch disks, NpgsqlDataSource dataSource, IOptions<DeliveryOptions> options, TimeProvider time)
{
    private const int BytesPerPermit = 1024;

    /// <summary>How long a batch waits to become full: a transaction for every few files would cost more than the files.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(50);

    /// <summary>Runs until <paramref name="source"/> has given its last file and all are written, or something fails.</summary>
    /// <param name="deliveryId">The delivery.</param>
    /// <param name="source">Gives the files to the sink, one after the other.</param>
    /// <param name="cancellationToken">Stops; what was written stays.</param>
    public async Task RunAsync(Guid deliveryId, Func<DeliverySink, CancellationToken, Task> source, CancellationToken cancellationToken)
    {
        var batchSize = options.Value.BatchSize;
        var incoming = Channel.CreateBounded<IncomingFile>(new BoundedChannelOptions(batchSize) { SingleReader = true, SingleWriter = true });
        var judged = Channel.CreateBounded<Task<JudgedFile>>(new BoundedChannelOptions(batchSize) { SingleReader = true, SingleWriter = true });
        await using var waiting = new ConcurrencyLimiter(new ConcurrencyLimiterOptions
        {
            PermitLimit = (int)(options.Value.MaxWaitingBytes / BytesPerPermit),
            QueueLimit = int.MaxValue,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        Task[] stages =
        [
            StageAsync(() => source(new DeliverySink(incoming.Writer, waiting, options.Value), stop.Token), incoming.Writer, stop),
            StageAsync(() => RecogniseAsync(incoming.Reader, judged.Writer, stop.Token), judged.Writer, stop),
            StageAsync<JudgedFile>(() => WriteAsync(deliveryId, judged.Reader, stop.Token), null, stop),
        ];
        try
        {
            await Task.WhenAll(stages);
        }
        catch (Exception)
        {
            // The cause, not the cancellations that it led to in the other stages.
            var failures = stages.Where(stage => stage.IsFaulted).Select(stage => stage.Exception!.InnerException!).ToList();
            if (failures.Find(failure => failure is not OperationCanceledException) is { } cause)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
            throw;
        }
        finally
        {
            while (judged.Reader.TryRead(out var task))
                await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task StageAsync<T>(Func<Task> run, ChannelWriter<T>? next, CancellationTokenSource stop)
    {
        try
        {
            await run();
        }
        catch (Exception)
        {
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            next?.TryComplete();
        }
    }

    // What the catalogue has was decoded when it came first, so a second delivery costs little more than its hashes.
    private async Task RecogniseAsync(ChannelReader<IncomingFile> incoming, ChannelWriter<Task<JudgedFile>> judged, CancellationToken cancellationToken)
    {
        var batch = new List<IncomingFile>();
        while (await GatherAsync(incoming, batch, cancellationToken))
        {
            var files = batch.ConvertAll(file => (File: file, Sha256: file.Verdict is null ? ImageFingerprint.Sha256(file.Bytes) : []));
            var known = await KnownAsync([.. files.Where(file => file.Sha256.Length > 0).Select(file => file.Sha256)], cancellationToken);
            foreach (var (file, sha256) in files)
            {
                var task = file.Verdict is not null || known.Contains(Convert.ToHexString(sha256))
                    ? Task.FromResult(new JudgedFile(file, sha256, null, file.Verdict))
                    : Task.Run(() => JudgeAsync(file, sha256, cancellationToken), cancellationToken);
                await judged.WriteAsync(task, cancellationToken);
            }
        }
    }

    private async Task<HashSet<string>> KnownAsync(byte[][] hashes, CancellationToken cancellationToken)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        if (hashes.Length == 0)
            return known;
        await using var command = dataSource.CreateCommand("SELECT sha256 FROM images WHERE sha256 = ANY($1)");
        command.Parameters.AddWithValue(hashes);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            known.Add(Convert.ToHexString(rows.GetFieldValue<byte[]>(0)));
        return known;
    }

    private async Task<JudgedFile> JudgeAsync(IncomingFile file, byte[] sha256, CancellationToken cancellationToken)
    {
        var (picture, refusal) = await judge.JudgeAsync(file.Bytes, cancellationToken);
        return new JudgedFile(file, sha256, picture, refusal is null ? null : FileVerdict.Of(refusal));
    }

    private async Task WriteAsync(Guid deliveryId, ChannelReader<Task<JudgedFile>> judged, CancellationToken cancellationToken)
    {
        var gathered = new List<Task<JudgedFile>>();
        while (await GatherAsync(judged, gathered, cancellationToken))
        {
            var batch = await Task.WhenAll(gathered);
            // A database whose disk is full stops for everybody.
            disks.EnsureRoom();
            var lines = await writer.WriteAsync(deliveryId, batch, cancellationToken);
            foreach (var (file, line) in batch.Zip(lines))
            {
                file.File.Lease?.Dispose();
                file.File.Receipt?.Commit(line);
            }
        }
    }

    // Fills a batch, or takes what came in a short while: full under load, and a slow sender waits for nobody. False at the end.
    private async Task<bool> GatherAsync<T>(ChannelReader<T> reader, List<T> batch, CancellationToken cancellationToken)
    {
        batch.Clear();
        if (!await reader.WaitToReadAsync(cancellationToken))
            return false;
        using var linger = new CancellationTokenSource(Linger, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(linger.Token, cancellationToken);
        try
        {
            while (batch.Count < options.Value.BatchSize && await reader.WaitToReadAsync(either.Token))
            {
                while (batch.Count < options.Value.BatchSize && reader.TryRead(out var item))
                    batch.Add(item);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The while is over.
        }

        return true;
    }

    internal static int PermitsFor(int bytes, DeliveryOptions options) =>
        Math.Clamp(bytes / BytesPerPermit, 1, (int)(options.MaxWaitingBytes / BytesPerPermit));
}
