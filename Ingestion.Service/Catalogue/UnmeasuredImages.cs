using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.NearDuplicates;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>
/// Makes up for an upgrade, once: images that an earlier version stored without measures and signatures are measured, found as near-duplicates, and
/// labelled by lesion, which that version did by image. Any replica may do it, and be stopped in the middle. An image that cannot be decoded any more is
/// logged and stays unmeasured; it is tried once in each start of the service.
/// </summary>
internal sealed partial class UnmeasuredImages(
    NpgsqlDataSource dataSource, PictureJudge judge, NearDuplicateFinder nearDuplicates, TimeProvider time, ILogger<UnmeasuredImages> logger) : BackgroundService
{
    private const int BatchSize = 64;

    private const string Next = """
        SELECT id, number, bytes FROM images JOIN image_contents ON image_id = id
        WHERE measures_quality_flags IS NULL AND number > $1 ORDER BY number LIMIT $2
        """;

    // Another replica may have measured them since, or somebody asked that they be forgotten.
    private const string StillUnmeasured = """
        SELECT id, group_id FROM images WHERE id = ANY($1) AND measures_quality_flags IS NULL AND forgotten_at IS NULL
        """;

    private const string Update = """
        UPDATE images SET measures_quality_flags = $2, measures_sharpness = $3, measures_highlights = $4, measures_burnt_share = $5, measures_blank_share = $6,
            measures_likeness = $7, measures_jpeg_quality = $8, measures_jpeg_tables = $9, measures_subsampling = $10, measures_corner_brightness = $11,
            measures_dark_corners = $12, measures_dark_sides = $13
        WHERE id = $1
        """;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var measured = 0;
        var last = long.MinValue;
        while (true)
        {
            try
            {
                var batch = await DecodeAsync(last, stoppingToken);
                if (batch.Count == 0)
                    break;
                measured += await WriteAsync(batch, stoppingToken);
                last = batch[^1].Number;
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
                await Task.Delay(Pause, time, stoppingToken);
            }
        }

        if (measured > 0)
            LogMeasured(measured);
    }

    // Without the catalogue's lock, so that deliveries go on meanwhile; a picture at a time is in memory.
    private async Task<List<OldImage>> DecodeAsync(long afterNumber, CancellationToken cancellationToken)
    {
        var images = new List<OldImage>();
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var next = new NpgsqlCommand(Next, connection) { CommandTimeout = 0, Parameters = { new() { Value = afterNumber }, new() { Value = BatchSize } } };
        await using var rows = await next.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var id = rows.GetGuid(0);
            var (picture, refusal) = await judge.JudgeAsync(rows.GetFieldValue<byte[]>(2), cancellationToken);
            if (picture is null)
                LogUndecodable(id, refusal!.Reason);
            images.Add(new OldImage(id, rows.GetInt64(1), picture));
        }

        return images;
    }

    private async Task<int> WriteAsync(List<OldImage> decoded, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var groups = new Dictionary<Guid, Guid>();
        await using (var still = new NpgsqlCommand(StillUnmeasured, connection) { Parameters = { new() { Value = decoded.Select(image => image.Id).ToArray() } } })
        await using (var rows = await still.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                groups.Add(rows.GetGuid(0), rows.GetGuid(1));
        }

        var measured = new List<(Guid Id, Picture Picture)>();
        foreach (var image in decoded)
        {
            if (image.Picture is { } picture && groups.ContainsKey(image.Id))
                measured.Add((image.Id, picture));
        }

        var pairs = await nearDuplicates.FindAsync(connection, [.. measured.Select(image => new SoughtImage(image.Id, image.Picture.Signature))], cancellationToken);
        await CatalogueBulk.CopySignaturesAsync(connection, [.. measured.Select(image => (image.Id, image.Picture.Keys, image.Picture.Signature.ToBytes()))], cancellationToken);
        foreach (var (id, picture) in measured)
            await UpdateAsync(connection, id, StoredImage.MeasuresOf(picture.Measures), cancellationToken);
        await NearDuplicateWriter.WriteAsync(connection, pairs, cancellationToken);
        await JoinAsync(connection, groups, pairs, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return measured.Count;
    }

    // Every lesion is resolved anew, also where no near-duplicates join it.
    private async Task JoinAsync(
        NpgsqlConnection connection, Dictionary<Guid, Guid> groupOfImage, IReadOnlyList<NearDuplicatePair> pairs, CancellationToken cancellationToken)
    {
        var others = pairs.ToLookup(pair => pair.ImageId, pair => pair.DuplicateOfId);
        var groupsOfOthers = await GroupKeys.ReadGroupsOfImagesAsync(connection, [.. pairs.Select(pair => pair.DuplicateOfId).Distinct()], cancellationToken);
        var toGroup = groupOfImage
            .Select(image => new ImageToGroup([], [image.Value, .. others[image.Key].Select(other => groupsOfOthers[other])], [], DeliveredAsTest: false)).ToList();
        var grouping = await GroupWriter.JoinAsync(connection, toGroup, Enumerable.Empty<Guid>().ToLookup(_ => ""), cancellationToken);
        await LabelResolution.ApplyAsync(connection, [.. grouping.Touched], time.GetUtcNow(), cancellationToken);
    }

    private static async Task UpdateAsync(NpgsqlConnection connection, Guid id, ImageMeasures measures, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Update, connection)
        {
            Parameters =
            {
                new() { Value = id }, new() { Value = measures.QualityFlags }, new() { Value = measures.Sharpness }, new() { Value = measures.Highlights },
                new() { Value = measures.BurntShare }, new() { Value = measures.BlankShare }, new() { Value = measures.Likeness },
                new() { Value = (object?)measures.JpegQuality ?? DBNull.Value }, new() { Value = (object?)measures.JpegTables ?? DBNull.Value },
                new() { Value = measures.Subsampling }, new() { Value = measures.CornerBrightness }, new() { Value = measures.DarkCorners }, new() { Value = measures.DarkSides },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(51, LogLevel.Information, "{Images} images that an earlier version had stored are measured now and have been compared with the catalogue")]
    private partial void LogMeasured(int images);

    [LoggerMessage(52, LogLevel.Warning, "Images of an earlier version could not be measured yet and are tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);

    [LoggerMessage(53, LogLevel.Error, "Image {ImageId} of an earlier version cannot be decoded any more and stays unmeasured: {Reason}")]
    private partial void LogUndecodable(Guid imageId, string reason);

    /// <param name="Id">Its id.</param>
    /// <param name="Number">Its place in the catalogue.</param>
    /// <param name="Picture">What its bytes show; null where they cannot be decoded.</param>
    private sealed record OldImage(Guid Id, long Number, Picture? Picture);
}
