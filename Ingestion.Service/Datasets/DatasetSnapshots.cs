using Grpc.Core;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Makes immutable, numbered snapshots of the catalogue.</summary>
internal sealed partial class DatasetSnapshots(NpgsqlDataSource dataSource, IngestionMetrics metrics, TimeProvider time, ILogger<DatasetSnapshots> logger)
{
    private const string Insert = """
        INSERT INTO datasets (kind, created_at, content_hash, rules, parked, licences, shortcuts, warnings, facts_hash, left_out, evidence_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10::text::jsonb, $11) RETURNING id
        """;

    private const string SameEvidence = "SELECT min(id) FROM datasets WHERE kind = $1 AND content_hash = $2 AND evidence_hash = $3";

    private const string SameFacts = "SELECT id FROM datasets WHERE kind = $1 AND content_hash = $2 AND facts_hash = $3";

    /// <summary>How often the shortcuts are looked for without the lock, while the catalogue goes on changing, before they are looked for with it.</summary>
    private const int AttemptsWithoutLock = 3;

    /// <summary>The number of the dataset that has the catalogue's present content and of which the same is known: the one there is, else a new one.</summary>
    /// <exception cref="RpcException">
    /// INVALID_ARGUMENT: no image has one of the licences. FAILED_PRECONDITION: there is nothing to train on. Nothing was drawn or kept.
    /// </exception>
    public async Task<int> CreateAsync(DatasetRequest request, CancellationToken cancellationToken)
    {
        var facts = DatasetFacts.None;
        for (var attempt = 1; ; attempt++)
        {
            var (id, unknown) = await TryCreateAsync(request, facts, mayWait: attempt <= AttemptsWithoutLock, cancellationToken);
            if (unknown is null)
                return id;

            // Seconds of arithmetic, for which nobody who delivers or decides is to wait.
            facts = await Task.Run(() => Analyse(unknown), cancellationToken);
        }
    }

    // Makes the dataset if the facts were found from what the catalogue says at this moment, or may be found under the lock. Else gives the evidence from
    // which they are to be found, and then nothing was drawn or kept.
    private async Task<(int Id, ShortcutEvidence? Unknown)> TryCreateAsync(
        DatasetRequest request, DatasetFacts facts, bool mayWait, CancellationToken cancellationToken)
    {
        var kind = request.Kind;
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var content = await ReadAsync(connection, request, cancellationToken);
        if (content.FindObstacle() is { } obstacle)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, obstacle));

        var hash = content.ComputeHash();
        int? existing = null;
        if (kind != DatasetKind.Reproduction)
        {
            var evidence = await ShortcutEvidence.ReadAsync(connection, content, hash, cancellationToken);
            existing = await FindAsync(connection, SameEvidence, kind, hash, evidence.Hash, cancellationToken);
            if (existing is null && !evidence.Hash.AsSpan().SequenceEqual(facts.EvidenceHash))
            {
                if (mayWait)
                    return (0, evidence);
                facts = Analyse(evidence);
            }
        }

        existing ??= await FindAsync(connection, SameFacts, kind, hash, facts.Hash, cancellationToken);
        var id = existing ?? await InsertAsync(connection, content, hash, facts, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        metrics.DatasetAsked(kind.ToColumn(), existing is null);
        if (existing is null)
            LogCreated(id, kind, content.Rows.Count, content.Parked);
        return (id, null);
    }

    private static async Task<SnapshotContent> ReadAsync(NpgsqlConnection connection, DatasetRequest request, CancellationToken cancellationToken)
    {
        if (request.Kind == DatasetKind.Reproduction)
            return await ReproductionContent.ReadAsync(connection, cancellationToken);
        var licences = await LicenceChoice.ResolveAsync(connection, request.Licences, cancellationToken);
        return request.Folds is { } folds
            ? await CrossValidationContent.ReadAsync(connection, licences, folds, cancellationToken)
            : await HonestContent.ReadAsync(connection, licences, cancellationToken);
    }

    private DatasetFacts Analyse(ShortcutEvidence evidence)
    {
        var begin = time.GetTimestamp();
        var facts = evidence.Analyse();
        LogAnalysed(evidence.Images, time.GetElapsedTime(begin).TotalSeconds);
        return facts;
    }

    private static async Task<int?> FindAsync(
        NpgsqlConnection connection, string statement, DatasetKind kind, byte[] content, byte[] known, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(statement, connection)
        {
            Parameters = { new() { Value = kind.ToColumn() }, new() { Value = content }, new() { Value = known } },
        };
        return await command.ExecuteScalarAsync(cancellationToken) as int?;
    }

    private async Task<int> InsertAsync(
        NpgsqlConnection connection, SnapshotContent content, byte[] hash, DatasetFacts facts, CancellationToken cancellationToken)
    {
        int id;
        await using (var insert = new NpgsqlCommand(Insert, connection)
        {
            Parameters =
            {
                new() { Value = content.Kind.ToColumn() }, new() { Value = time.GetUtcNow() }, new() { Value = hash },
                new() { Value = content.Rules.ToArray() }, new() { Value = content.Parked }, HonestContent.LicencesParameter(content.Licences),
                new() { Value = (object?)facts.Shortcuts ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text },
                new() { Value = facts.Warnings.ToArray() }, new() { Value = facts.Hash }, new() { Value = content.LeftOut },
                new() { Value = (object?)facts.EvidenceHash ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bytea },
            },
        })
        {
            id = (int)(await insert.ExecuteScalarAsync(cancellationToken))!;
        }

        var groups = content.Rows.Where(row => row.GroupId is not null)
            .DistinctBy(row => row.GroupId)
            .Select(row => new DatasetGroup { DatasetId = id, Kind = content.Kind, GroupId = row.GroupId!.Value, Split = row.Split, Fold = row.Fold });
        await DatasetBulk.CopyGroupsAsync(connection, groups, cancellationToken);
        var items = content.Rows.Select((row, ordinal) => new DatasetItem
        {
            DatasetId = id,
            Ordinal = ordinal,
            Kind = content.Kind,
            Split = row.Split,
            GroupId = row.GroupId,
            ImageId = row.ImageId,
            DeliveryFileId = row.DeliveryFileId,
            Label = row.Label,
        });
        await DatasetBulk.CopyItemsAsync(connection, items, cancellationToken);
        return id;
    }

    [LoggerMessage(39, LogLevel.Information, "Shortcuts were looked for in {Images} images for {Seconds:f1} s")]
    private partial void LogAnalysed(int images, double seconds);

    [LoggerMessage(31, LogLevel.Information, "Dataset {DatasetId} ({Kind}) was made of {Rows} rows; {Parked} images are parked")]
    private partial void LogCreated(int datasetId, DatasetKind kind, int rows, int parked);
}
