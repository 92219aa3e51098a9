using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Reviews;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Reviews;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.LabelErrors;

/// <summary>
/// Puts likely label errors before a reviewer. What is to be asked is derived from what runs found, from the claims and from the decisions, so repeating it
/// changes nothing, and a decision that is taken back brings the question back.
/// </summary>
internal sealed partial class LabelErrorItems(NpgsqlDataSource dataSource, TimeProvider time, ILogger<LabelErrorItems> logger) : IFindingItems
{
    // Of an image the newest run that found something counts, of its findings the likeliest. Not asked about are claims that were withdrawn, or overruled by
    // the label, and lesions about which a reviewer has decided.
    private const string Findings = """
        WITH finding AS (
            SELECT DISTINCT ON (found.image_id) found.image_id, images.group_id, found.score, found.suggested, found.reason
            FROM likely_label_errors AS found JOIN run_executions AS run ON run.run_id = found.run_id JOIN images ON images.id = found.image_id
            WHERE ($1 IS NULL OR EXISTS (SELECT FROM likely_label_errors AS of_run WHERE of_run.run_id = $1 AND of_run.image_id = found.image_id))
                AND (images.label_state = $2 OR (images.label_state = $3 AND images.label & found.claim <> 0))
                AND images.excluded_at IS NULL AND images.forgotten_at IS NULL
                AND EXISTS (SELECT FROM label_claims WHERE image_id = found.image_id AND diagnoses = found.claim AND rank <> $4)
                AND NOT EXISTS (
                    SELECT FROM label_claims AS decided JOIN images AS other ON other.id = decided.image_id
                    WHERE other.group_id = images.group_id AND decided.rank = $4 AND other.excluded_at IS NULL AND other.forgotten_at IS NULL)
            ORDER BY found.image_id, run.ended_at DESC, found.run_id, found.score DESC, found.claim),
        waiting AS (SELECT id, image_id, state, score, suggested, reason FROM review_items WHERE kind = $5 AND state <> 'closed')

        """;

    private const string Unasked = Findings + """
        SELECT EXISTS (
            SELECT FROM finding LEFT JOIN waiting ON waiting.image_id = finding.image_id
            WHERE waiting.id IS NULL OR (waiting.state = 'open'
                AND (waiting.score, waiting.suggested, waiting.reason) IS DISTINCT FROM (finding.score, finding.suggested, finding.reason)))
        """;

    private const string Refresh = Findings + """
        UPDATE review_items AS item SET score = finding.score, suggested = finding.suggested, reason = finding.reason
        FROM finding JOIN waiting ON waiting.image_id = finding.image_id
        WHERE item.id = waiting.id AND waiting.state = 'open'
            AND (item.score, item.suggested, item.reason) IS DISTINCT FROM (finding.score, finding.suggested, finding.reason)
        """;

    private const string New = Findings + """
        SELECT image_id FROM finding WHERE NOT EXISTS (SELECT FROM waiting WHERE waiting.image_id = finding.image_id) ORDER BY score DESC, image_id
        """;

    private const string Open = Findings + """
        INSERT INTO review_items (id, kind, group_id, image_id, state, opened_at, score, suggested, reason)
        SELECT item.id, $5, group_id, image_id, 'open', $6, score, suggested, reason
        FROM finding JOIN unnest($7::uuid[], $8::uuid[]) AS item (id, image_id) USING (image_id)
        """;

    public string Found => "Likely label errors";

    public async Task UpdateAsync(Guid? source, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using (var ask = Command(connection, Unasked, source))
        {
            if (!(bool)(await ask.ExecuteScalarAsync(cancellationToken))!)
                return;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        await using var refresh = Command(connection, Refresh, source);
        var refreshed = await refresh.ExecuteNonQueryAsync(cancellationToken);
        var opened = await OpenAsync(connection, source, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogUpdated(opened, refreshed);
    }

    private async Task<int> OpenAsync(NpgsqlConnection connection, Guid? source, CancellationToken cancellationToken)
    {
        var images = new List<Guid>();
        await using (var command = Command(connection, New, source))
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                images.Add(rows.GetGuid(0));
        }

        var now = time.GetUtcNow();
        await using var open = Command(connection, Open, source);
        open.Parameters.Add(new() { Value = now });
        open.Parameters.Add(new() { Value = images.Select(_ => Guid.CreateVersion7(now)).ToArray() });
        open.Parameters.Add(new() { Value = images.ToArray() });
        return await open.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string statement, Guid? source) => new(statement, connection)
    {
        CommandTimeout = CatalogueLock.Timeout,
        Parameters =
        {
            new() { Value = (object?)source ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid },
            new() { Value = LabelState.Conflict.ToColumn() },
            new() { Value = LabelState.Settled.ToColumn() },
            new() { Value = (short)ClaimRank.Reviewer },
            new() { Value = ReviewKind.LabelError.ToColumn() },
        },
    };

    [LoggerMessage(61, LogLevel.Information, "{Opened} likely label errors were put before a reviewer, {Refreshed} open ones were brought up to date")]
    private partial void LogUpdated(int opened, int refreshed);
}
