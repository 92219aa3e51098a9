using Melanoma.Ingestion.Catalogue;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Reviews;
using Npgsql;

namespace Melanoma.Ingestion.Labels;

/// <summary>The review items of lesions whose claims contradict each other: one is open exactly as long as they do.</summary>
internal static class ConflictItems
{
    private const string Open = """
        INSERT INTO review_items (id, kind, group_id, state, opened_at, score, reason)
        SELECT item.id, $4, item.group_id, $5, $6, 0, item.reason FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS item (id, group_id, reason)
        ON CONFLICT DO NOTHING
        """;

    private const string Close = "UPDATE review_items SET state = $3, closed_at = $4 WHERE group_id = ANY($1) AND kind = $2 AND state <> $3";

    /// <summary>Opens items for groups in conflict and closes those of the others.</summary>
    public static async Task UpdateAsync(NpgsqlConnection connection, IReadOnlyCollection<GroupLabel> groups, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var torn = groups.Where(group => group.Resolution.State == LabelState.Conflict).ToList();
        var calm = groups.Where(group => group.Resolution.State != LabelState.Conflict).Select(group => group.Id).ToArray();
        await using var batch = new NpgsqlBatch(connection) { Timeout = CatalogueLock.Timeout };
        if (torn.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Open)
            {
                Parameters =
                {
                    new() { Value = torn.Select(_ => Guid.CreateVersion7(now)).ToArray() },
                    new() { Value = torn.Select(group => group.Id).ToArray() },
                    new() { Value = torn.Select(group => Say(group.Claims)).ToArray() },
                    new() { Value = ReviewKind.Conflict.ToColumn() },
                    new() { Value = ReviewState.Open.ToColumn() },
                    new() { Value = now },
                },
            });
        }

        if (calm.Length > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Close)
            {
                Parameters =
                {
                    new() { Value = calm },
                    new() { Value = ReviewKind.Conflict.ToColumn() },
                    new() { Value = ReviewState.Closed.ToColumn() },
                    new() { Value = now },
                },
            });
        }

        if (batch.BatchCommands.Count > 0)
            await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Say(IReadOnlyCollection<Claim> claims)
    {
        var ranks = claims.GroupBy(claim => claim.Rank).OrderByDescending(rank => rank.Key)
            .Select(rank => $"{rank.Key.ToColumn()}: {string.Join(", ", rank.Select(claim => claim.Diagnoses.ToString()).Distinct().Order(StringComparer.Ordinal))}");
        return $"Claims about this lesion contradict each other ({string.Join("; ", ranks)}).";
    }
}
