using Melanoma.Contracts;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>
/// Writes a batch of judged files in one transaction: images, bytes, ids, groups, claims, labels and the lines of the
/// report. So a crash at any point leaves each file either wholly accounted for or not at all.
/// </summary>
internal sealed partial class CatalogueWriter(NpgsqlDataSource dataSource, IngestionMetrics metrics, TimeProvider time, ILogger<CatalogueWriter> logger)
{
    private const int Attempts = 5;
    private const string FolderClaimant = "folder";

    public async Task WriteAsync(Guid deliveryId, IReadOnlyList<JudgedFile> files, CancellationToken cancellationToken)
    {
        var begin = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var rows = await TryWriteAsync(deliveryId, files, cancellationToken);
                metrics.BatchWritten(rows, time.GetElapsedTime(begin));
                return;
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
        var images = files.Where(file => file.Refusal is null)
            .GroupBy(file => Convert.ToHexString(file.Sha256))
            .OrderBy(image => image.Key, StringComparer.Ordinal)
            .Select(image => new BatchImage([.. image]))
            .ToList();
        if (images.Count > 0)
        {
            var known = await KnownCatalogue.ReadAsync(connection, images, cancellationToken);
            known.ApplyTo(images);
            var grouping = LesionGrouping.Group(
                [.. images.Select(image => new ImageToGroup(image.IsicIds, image.Known?.GroupId, image.DeliveredAsTest))],
                known.GroupsByIsicId, known.Groups, Guid.CreateVersion7);
            var now = time.GetUtcNow();
            await WriteGroupsAsync(connection, grouping, cancellationToken);
            await WriteImagesAsync(connection, images, grouping, now, cancellationToken);
            await WriteClaimsAsync(connection, images, now, cancellationToken);
        }

        var byHash = images.ToDictionary(image => image.Hash, StringComparer.Ordinal);
        var rows = files.Select(file => ReportLine(deliveryId, file, byHash)).ToList();
        await CatalogueBulk.CopyDeliveryFilesAsync(connection, rows, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return rows;
    }

    private static DeliveryFile ReportLine(Guid deliveryId, JudgedFile judged, Dictionary<string, BatchImage> images)
    {
        var image = judged.Refusal is null ? images[Convert.ToHexString(judged.Sha256)] : null;
        var stored = image is { Known: null } && ReferenceEquals(image.Files[0], judged);
        return new DeliveryFile
        {
            DeliveryId = deliveryId,
            Path = judged.File.ReportedPath,
            Outcome = image is null ? FileOutcome.Refused : stored ? FileOutcome.Stored : FileOutcome.Duplicate,
            Reason = judged.Refusal?.Reason ?? (stored ? "" : $"The same bytes as {image!.Known?.FirstPath ?? image.Files[0].File.ReportedPath}"),
            RefusalKind = judged.Refusal?.Kind,
            ImageId = image?.Id,
            FolderDiagnosis = judged.File.Path?.Diagnosis,
            FolderSplit = judged.File.Path?.Split,
            SizeBytes = judged.File.SizeBytes,
        };
    }

    private static async Task WriteGroupsAsync(NpgsqlConnection connection, Grouping grouping, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (grouping.Created.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                "INSERT INTO lesion_groups (id, split, delivered_as_test) SELECT * FROM unnest($1::uuid[], $2::text[], $3::boolean[])")
            {
                Parameters =
                {
                    new() { Value = grouping.Created.Select(group => group.Id).ToArray() },
                    new() { Value = grouping.Created.Select(group => group.Split?.ToColumn()).ToArray() },
                    new() { Value = grouping.Created.Select(group => group.DeliveredAsTest).ToArray() },
                },
            });
        }

        if (grouping.Changed.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand("""
                UPDATE lesion_groups SET split = change.split, delivered_as_test = change.delivered_as_test
                FROM unnest($1::uuid[], $2::text[], $3::boolean[]) AS change (id, split, delivered_as_test) WHERE lesion_groups.id = change.id
                """)
            {
                Parameters =
                {
                    new() { Value = grouping.Changed.Select(group => group.Id).ToArray() },
                    new() { Value = grouping.Changed.Select(group => group.Split?.ToColumn()).ToArray() },
                    new() { Value = grouping.Changed.Select(group => group.DeliveredAsTest).ToArray() },
                },
            });
        }

        foreach (var statement in (ReadOnlySpan<string>)(grouping.Merged.Count == 0 ? [] :
        [
            "UPDATE images SET group_id = merge.target FROM unnest($1::uuid[], $2::uuid[]) AS merge (source, target) WHERE images.group_id = merge.source",
            "UPDATE lesion_groups SET merged_into_id = merge.target FROM unnest($1::uuid[], $2::uuid[]) AS merge (source, target) WHERE lesion_groups.id = merge.source",
        ]))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(statement)
            {
                Parameters =
                {
                    new() { Value = grouping.Merged.Select(merge => merge.From).ToArray() },
                    new() { Value = grouping.Merged.Select(merge => merge.Into).ToArray() },
                },
            });
        }

        if (batch.BatchCommands.Count > 0)
            await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task WriteImagesAsync(
        NpgsqlConnection connection, List<BatchImage> images, Grouping grouping, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rows = new List<(Image, byte[])>();
        for (var i = 0; i < images.Count; i++)
        {
            var image = images[i];
            var resolution = ClaimResolution.Resolve(image.Claims);
            image.Resolution = resolution;
            if (image.Known is not null)
                continue;

            var first = image.Files[0];
            var picture = first.Picture ?? throw new InvalidOperationException($"Image {image.Hash} was recognised and has gone since.");
            rows.Add((new Image
            {
                Id = image.Id,
                Sha256 = first.Sha256,
                GroupId = grouping.GroupOfImage[i],
                MediaType = picture.MediaType,
                Width = picture.Width,
                Height = picture.Height,
                SizeBytes = first.File.Bytes.Length,
                PerceptualHash = picture.PerceptualHash,
                ReceivedAt = now,
                LabelState = resolution.State,
                Label = resolution.Label,
            }, first.File.Bytes));
        }

        if (rows.Count > 0)
            await CatalogueBulk.CopyImagesAsync(connection, rows, cancellationToken);
    }

    private static async Task WriteClaimsAsync(NpgsqlConnection connection, List<BatchImage> images, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var ids = images.SelectMany(image => image.IsicIds, (image, id) => (image.Id, IsicId: id)).ToList();
        if (ids.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                "INSERT INTO image_isic_ids (image_id, isic_id) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING")
            {
                Parameters = { new() { Value = ids.Select(id => id.Id).ToArray() }, new() { Value = ids.Select(id => id.IsicId).ToArray() } },
            });
        }

        var claims = images.SelectMany(image => image.NewClaims, (image, claim) => (image.Id, Claim: claim)).ToList();
        if (claims.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand("""
                INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
                SELECT claim.image_id, claim.diagnoses, claim.rank, $4, $5 FROM unnest($1::uuid[], $2::smallint[], $3::smallint[]) AS claim (image_id, diagnoses, rank)
                ON CONFLICT DO NOTHING
                """)
            {
                Parameters =
                {
                    new() { Value = claims.Select(claim => claim.Id).ToArray() },
                    new() { Value = claims.Select(claim => claim.Claim.Diagnoses.Bits).ToArray() },
                    new() { Value = claims.Select(claim => (short)claim.Claim.Rank).ToArray() },
                    new() { Value = FolderClaimant },
                    new() { Value = now },
                },
            });
        }

        var changed = images.Where(image => image.Known is { } known && known.Resolution != image.Resolution).ToList();
        if (changed.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand("""
                UPDATE images SET label_state = change.label_state, label = change.label
                FROM unnest($1::uuid[], $2::text[], $3::smallint[]) AS change (id, label_state, label) WHERE images.id = change.id
                """)
            {
                Parameters =
                {
                    new() { Value = changed.Select(image => image.Id).ToArray() },
                    new() { Value = changed.Select(image => image.Resolution.State.ToColumn()).ToArray() },
                    new() { Value = changed.Select(image => image.Resolution.Label?.Bits).ToArray() },
                },
            });
        }

        if (batch.BatchCommands.Count > 0)
            await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(11, LogLevel.Warning, "A batch of delivery {DeliveryId} met another writer and is repeated (attempt {Attempt}, {SqlState})")]
    private partial void LogRepeated(Guid deliveryId, int attempt, string sqlState);

    /// <summary>A distinct image of a batch, with every file of it.</summary>
    internal sealed class BatchImage(IReadOnlyList<JudgedFile> files)
    {
        public IReadOnlyList<JudgedFile> Files { get; } = files;

        public string Hash { get; } = Convert.ToHexString(files[0].Sha256);

        public KnownImage? Known { get; set; }

        public Guid Id => Known?.Id ?? _newId;

        public IReadOnlyCollection<string> IsicIds { get; } = [.. files.SelectMany(file => file.File.Path!.IsicIds).Distinct()];

        public bool DeliveredAsTest { get; } = files.Any(file => file.File.Path!.Split == Split.Test);

        public IReadOnlyCollection<Claim> NewClaims { get; } = [.. files
            .Select(file => file.File.Path!.Diagnosis).OfType<Diagnosis>().Distinct()
            .Select(diagnosis => new Claim(ClaimRank.Folder, DiagnosisSet.Of(diagnosis)))];

        public IEnumerable<Claim> Claims => NewClaims.Concat(Known?.Claims ?? []);

        public Resolution Resolution { get; set; }

        private readonly Guid _newId = Guid.CreateVersion7();
    }
}
