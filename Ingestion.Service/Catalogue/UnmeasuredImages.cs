using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.NearDuplicates;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>
/// Measures images that an earlier version of the product stored without measures and signatures, once after an upgrade: then they are found as
/// near-duplicates and judged like all others. Any replica may do it, and be stopped in the middle.
/// </summary>
internal sealed partial class UnmeasuredImages(
    NpgsqlDataSource dataSource, PictureJudge judge, NearDuplicateFinder nearDuplicates, TimeProvider time, ILogger<UnmeasuredImages> logger) : BackgroundService
{
    private const int BatchSize = 64;

    private const string Next = """
        SELECT id, group_id, bytes FROM images JOIN image_contents ON image_id = id
        WHERE measures_quality_flags IS NULL ORDER BY number LIMIT $1
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
        while (true)
        {
            try
            {
                var batch = await MeasureAsync(stoppingToken);
                measured += batch;
                if (batch == 0)
                    break;
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

    private async Task<int> MeasureAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var images = new List<(Guid Id, Guid Group, Picture Picture)>();
        await using (var next = new NpgsqlCommand(Next, connection) { Parameters = { new() { Value = BatchSize } } })
        await using (var rows = await next.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                // It was decoded when it was taken in, by the same code.
                var (picture, refusal) = await judge.JudgeAsync(rows.GetFieldValue<byte[]>(2), cancellationToken);
                images.Add((rows.GetGuid(0), rows.GetGuid(1), picture ?? throw new InvalidOperationException($"Image {rows.GetGuid(0)} cannot be decoded any more: {refusal}")));
            }
        }

        if (images.Count == 0)
            return 0;
        var pairs = await nearDuplicates.FindAsync(connection, [.. images.Select(image => new SoughtImage(image.Id, image.Picture.Signature))], cancellationToken);
        await CatalogueBulk.CopySignaturesAsync(connection, [.. images.Select(image => (image.Id, image.Picture.Keys, image.Picture.Signature.ToBytes()))], cancellationToken);
        foreach (var (id, _, picture) in images)
            await UpdateAsync(connection, id, StoredImage.MeasuresOf(picture.Measures), cancellationToken);
        await NearDuplicateWriter.WriteAsync(connection, pairs, cancellationToken);
        await JoinAsync(connection, images, pairs, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return images.Count;
    }

    private async Task JoinAsync(NpgsqlConnection connection, List<(Guid Id, Guid Group, Picture Picture)> images, IReadOnlyList<NearDuplicatePair> pairs, CancellationToken cancellationToken)
    {
        if (pairs.Count == 0)
            return;
        var others = pairs.ToLookup(pair => pair.ImageId, pair => pair.DuplicateOfId);
        var groups = await GroupKeys.ReadGroupsOfImagesAsync(connection, [.. pairs.Select(pair => pair.DuplicateOfId).Distinct()], cancellationToken);
        var toGroup = images.Where(image => others.Contains(image.Id))
            .Select(image => new ImageToGroup([], [image.Group, .. others[image.Id].Select(other => groups[other])], [], DeliveredAsTest: false)).ToList();
        var states = await GroupKeys.ReadStatesAsync(connection, toGroup.SelectMany(image => image.Groups), cancellationToken);
        var grouping = LesionGrouping.Group(toGroup, Enumerable.Empty<Guid>().ToLookup(_ => ""), states, Guid.CreateVersion7);
        await GroupWriter.WriteAsync(connection, grouping, cancellationToken);
        await LabelResolution.ApplyAsync(connection, [.. grouping.GroupOfImage.Concat(grouping.Merged.Select(merge => merge.From)).Distinct()], time.GetUtcNow(), cancellationToken);
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
}
