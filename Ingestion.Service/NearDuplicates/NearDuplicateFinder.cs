using Melanoma.Imaging.NearDuplicates;
using Npgsql;

namespace Melanoma.Ingestion.NearDuplicates;

/// <summary>A new image whose near-duplicates are sought.</summary>
internal readonly record struct SoughtImage(Guid Id, PictureSignature Signature);

/// <summary>Two images that are the same picture.</summary>
/// <param name="ImageId">The one that came later.</param>
/// <param name="DuplicateOfId">The one that was there, in the catalogue or earlier in the batch.</param>
/// <param name="Match">How alike they are, and what was done to the picture.</param>
internal sealed record NearDuplicatePair(Guid ImageId, Guid DuplicateOfId, NearDuplicateMatch Match);

/// <summary>
/// Finds near-duplicates of new images among all of the catalogue. The index of candidates lies in memory; every replica has its own and reads what
/// others added before it looks, which is complete because there is one writer of the catalogue at a time and signatures are numbered in its order.
/// </summary>
internal sealed partial class NearDuplicateFinder(TimeProvider time, ILogger<NearDuplicateFinder> logger)
{
    private const string Newer = "SELECT number, image_id, keys FROM image_signatures WHERE number > $1 ORDER BY number";

    private const string Signatures = "SELECT image_id, bytes FROM image_signatures WHERE image_id = ANY($1)";

    private const int WorthLogging = 10_000;

    private readonly Lock _door = new();
    private readonly NearDuplicateIndex _index = new();

    // Added before their numbers were known; a batch that was rolled back leaves some behind, which no signature answers to until they come again.
    private readonly HashSet<Guid> _ahead = [];
    private long _lastNumber;

    /// <summary>Compares new images with the catalogue and with each other, and adds them to the index. The catalogue's lock must be held.</summary>
    public async Task<IReadOnlyList<NearDuplicatePair>> FindAsync(NpgsqlConnection connection, IReadOnlyList<SoughtImage> images, CancellationToken cancellationToken)
    {
        await CatchUpAsync(connection, cancellationToken);
        var candidates = new List<(SoughtImage Image, List<Guid> Ids)>();
        var later = images.Select(image => image.Id).ToHashSet();
        lock (_door)
        {
            foreach (var image in images)
            {
                // After a batch that was rolled back the index has this image already, and those that come after it.
                if (_index.Candidates(image.Signature).Where(id => !later.Contains(id)).ToList() is { Count: > 0 } ids)
                    candidates.Add((image, ids));
                if (_ahead.Add(image.Id))
                    _index.Add(image.Id, image.Signature);
                later.Remove(image.Id);
            }
        }

        if (candidates.Count == 0)
            return [];
        var signatures = images.ToDictionary(image => image.Id, image => image.Signature);
        await ReadSignaturesAsync(connection, [.. candidates.SelectMany(candidate => candidate.Ids).Where(id => !signatures.ContainsKey(id)).Distinct()], signatures, cancellationToken);
        return
        [
            .. candidates.AsParallel().AsOrdered().WithCancellation(cancellationToken).SelectMany(candidate => candidate.Ids
                .Where(signatures.ContainsKey)
                .Select(id => new NearDuplicatePair(candidate.Image.Id, id, NearDuplicateVerifier.Compare(candidate.Image.Signature, signatures[id])))
                .Where(pair => pair.Match.IsMatch)),
        ];
    }

    private async Task CatchUpAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var begin = time.GetTimestamp();
        var read = 0;
        await using var command = new NpgsqlCommand(Newer, connection) { CommandTimeout = 0, Parameters = { new() { Value = _lastNumber } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var id = rows.GetGuid(1);
            lock (_door)
            {
                // Keys of a version that this service does not know are no reason to stop; such images are just not found.
                if (!_ahead.Remove(id))
                    _index.TryAdd(id, rows.GetFieldValue<byte[]>(2));
                _lastNumber = rows.GetInt64(0);
            }

            read++;
        }

        if (read >= WorthLogging)
            LogRead(read, _index.ByteCount / 1048576, time.GetElapsedTime(begin).TotalSeconds);
    }

    private static async Task ReadSignaturesAsync(
        NpgsqlConnection connection, Guid[] ids, Dictionary<Guid, PictureSignature> signatures, CancellationToken cancellationToken)
    {
        if (ids.Length == 0)
            return;
        await using var command = new NpgsqlCommand(Signatures, connection) { Parameters = { new() { Value = ids } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            if (PictureSignature.TryRead(rows.GetFieldValue<byte[]>(1), out var signature))
                signatures.Add(rows.GetGuid(0), signature);
        }
    }

    [LoggerMessage(41, LogLevel.Information, "The index of near-duplicates took in {Images} images of the catalogue and has {Megabytes} MiB; it took {Seconds:f1} s")]
    private partial void LogRead(int images, long megabytes, double seconds);
}
