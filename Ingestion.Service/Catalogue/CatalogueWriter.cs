using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.NearDuplicates;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>
/// Writes a batch of judged files in one transaction: images, bytes, ids, groups, claims, labels and the lines of the
/// report. So a crash at any point leaves each file either wholly accounted for or not at all.
/// </summary>
internal sealed partial class CatalogueWriter(
    NpgsqlDataSource dataSource, NearDuplicateFinder nearDuplicates, IngestionMetrics metrics, TimeProvider time, ILogger<CatalogueWriter> logger)
{
    private const int Attempts = 5;

    /// <summary>Writes a batch and returns the lines of the report, in the order of the files; they are committed then.</summary>
    public async Task<IReadOnlyList<DeliveryFile>> WriteAsync(Guid deliveryId, IReadOnlyList<JudgedFile> files, CancellationToken cancellationToken)
    {
        var begin = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var rows = await TryWriteAsync(deliveryId, files, cancellationToken);
                metrics.BatchWritten(rows, time.GetElapsedTime(begin));
                return rows;
            }
            catch (PostgresException exception) when (attempt < Attempts && IsRace(exception))
            {
                // The transaction is gone as a whole, so the batch is repeated as a whole.
                LogRepeated(deliveryId, attempt, exception.SqlState);
            }
        }
    }

    private static bool IsRace(PostgresException exception) => exception.SqlState switch
    {
        PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => true,
        PostgresErrorCodes.UniqueViolation => exception.TableName == "images",
        _ => false,
    };

    private async Task<List<DeliveryFile>> TryWriteAsync(Guid deliveryId, IReadOnlyList<JudgedFile> files, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Sorted, so that whoever comes without the lock meets the rows in the same order.
        var images = files.Where(file => file.Verdict is null)
            .GroupBy(file => Convert.ToHexString(file.Sha256))
            .OrderBy(image => image.Key, StringComparer.Ordinal)
            .Select(image => new BatchImage([.. image]))
            .ToList();
        if (images.Count > 0)
        {
            await KnownCatalogue.ReadAsync(connection, images, cancellationToken);
            var news = images.Where(image => image.IsNews).ToList();
            if (news.Count > 0)
                await WriteNewsAsync(connection, deliveryId, news, cancellationToken);
        }

        var rows = await ReportAsync(connection, deliveryId, files, images, cancellationToken);
        await CatalogueBulk.CopyDeliveryFilesAsync(connection, rows, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return rows;
    }

    private async Task WriteNewsAsync(NpgsqlConnection connection, Guid deliveryId, List<BatchImage> images, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var ids = images.SelectMany(image => image.IsicIds).Distinct().ToArray();
        var rows = await MetadataRows.ReadAsync(connection, ids, cancellationToken);
        var pairs = await nearDuplicates.FindAsync(
            connection, [.. images.Where(image => image.Known is null).Select(image => new SoughtImage(image.Id, image.NewPicture.Signature))], cancellationToken);
        foreach (var image in images.Join(pairs, image => image.Id, pair => pair.ImageId, (image, pair) => (Image: image, Pair: pair)))
            image.Image.NearDuplicates.Add(image.Pair);
        var grouping = await GroupAsync(connection, images, ids, rows, cancellationToken);
        for (var i = 0; i < images.Count; i++)
        {
            images[i].GroupId = grouping.GroupOfImage[i];
            images[i].Rows = [.. images[i].IsicIds.SelectMany(id => rows[id])];
        }

        // All that is claimed of a lesion that nobody knew before stands in this batch; any other is resolved from the database.
        var created = grouping.Created.Select(group => group.Id).ToHashSet();
        var labels = images.Where(image => created.Contains(image.GroupId)).GroupBy(image => image.GroupId)
            .ToDictionary(group => group.Key, group => new GroupLabel(group.Key, [.. group.SelectMany(image => image.Claims).Select(claim => claim.Claim).Distinct()]));
        await WriteImagesAsync(connection, deliveryId, images, labels, now, cancellationToken);
        await NearDuplicateWriter.WriteAsync(connection, pairs, cancellationToken);
        await ImageClaims.WriteAsync(connection, images, now, cancellationToken);

        // After the ids: what a known image learns here comes from tables about an id that it did not have before.
        await ImageFactsWriter.RefreshAsync(connection, [.. images.Where(image => image is { Known: not null, Rows.Count: > 0 }).Select(image => image.Id)], cancellationToken);
        await ConflictItems.UpdateAsync(connection, [.. labels.Values.Where(label => label.Resolution.State == LabelState.Conflict)], now, cancellationToken);
        var others = grouping.Touched.Where(group => !created.Contains(group));
        await LabelResolution.ApplyAsync(connection, [.. others], now, cancellationToken);
    }

    private static async Task<Grouping> GroupAsync(
        NpgsqlConnection connection, List<BatchImage> images, string[] ids, ILookup<string, MetadataRow> rows, CancellationToken cancellationToken)
    {
        var groupsByKey = await GroupKeys.FindGroupsAsync(connection, ids, rows.SelectMany(row => row), cancellationToken);
        var places = images.Select((image, place) => (image.Id, place)).ToDictionary(image => image.Id, image => image.place);
        var others = images.SelectMany(image => image.NearDuplicates).Select(pair => pair.DuplicateOfId).Where(id => !places.ContainsKey(id)).Distinct().ToArray();
        var groupsOfOthers = await GroupKeys.ReadGroupsOfImagesAsync(connection, others, cancellationToken);
        var toGroup = images.Select(image => new ImageToGroup(
            GroupKeys.Of(image.IsicIds, rows),
            [.. image.Known is { } known ? [known.GroupId] : Array.Empty<Guid>(), .. image.NearDuplicates.Where(pair => groupsOfOthers.ContainsKey(pair.DuplicateOfId)).Select(pair => groupsOfOthers[pair.DuplicateOfId])],
            [.. image.NearDuplicates.Where(pair => places.ContainsKey(pair.DuplicateOfId)).Select(pair => places[pair.DuplicateOfId])],
            image.DeliveredAsTest)).ToList();
        return await GroupWriter.JoinAsync(connection, toGroup, groupsByKey, cancellationToken);
    }

    private static async Task WriteImagesAsync(
        NpgsqlConnection connection, Guid deliveryId, List<BatchImage> images, Dictionary<Guid, GroupLabel> labels, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var added = images.Where(image => image.Known is null).ToList();
        if (added.Count == 0)
            return;
        await CatalogueBulk.CopyImagesAsync(
            connection,
            [.. added.Select(image => (StoredImage.Of(image, image.NewPicture, deliveryId, labels.GetValueOrDefault(image.GroupId)?.Resolution, now), image.Files[0].File.Bytes))],
            cancellationToken);
        await CatalogueBulk.CopySignaturesAsync(
            connection, [.. added.Select(image => (image.Id, image.NewPicture.Keys, image.NewPicture.Signature.ToBytes()))], cancellationToken);
    }

    private static async Task<List<DeliveryFile>> ReportAsync(
        NpgsqlConnection connection, Guid deliveryId, IReadOnlyList<JudgedFile> files, List<BatchImage> images, CancellationToken cancellationToken)
    {
        var byHash = images.ToDictionary(image => image.Hash, StringComparer.Ordinal);
        var paths = images.ToDictionary(image => image.Id, image => image.FirstPath);
        foreach (var (id, path) in await KnownCatalogue.ReadFirstPathsAsync(
            connection, [.. images.SelectMany(image => image.NearDuplicates).Select(pair => pair.DuplicateOfId).Where(id => !paths.ContainsKey(id)).Distinct()], cancellationToken))
        {
            paths.Add(id, path);
        }

        return [.. files.Select(file => DeliveryLine.Of(deliveryId, file, file.Verdict is null ? byHash[Convert.ToHexString(file.Sha256)] : null, paths))];
    }

    [LoggerMessage(11, LogLevel.Warning, "A batch of delivery {DeliveryId} met another writer and is repeated (attempt {Attempt}, {SqlState})")]
    private partial void LogRepeated(Guid deliveryId, int attempt, string sqlState);
}
