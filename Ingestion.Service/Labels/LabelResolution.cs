using Melanoma.Contracts;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Labels;

/// <summary>
/// Keeps the labels of images in step with what is claimed of their lesion. A diagnosis belongs to the lesion, so the claims about all images of
/// a group are resolved together; images that were excluded or forgotten have no say. The catalogue's lock must be held.
/// </summary>
internal static class LabelResolution
{
    private const string Claims = """
        SELECT DISTINCT group_id, rank, diagnoses FROM label_claims JOIN images ON images.id = image_id
        WHERE group_id = ANY($1) AND excluded_at IS NULL AND forgotten_at IS NULL
        """;

    private const string Update = """
        UPDATE images SET label_state = change.label_state, label = change.label
        FROM unnest($1::uuid[], $2::text[], $3::smallint[]) AS change (group_id, label_state, label)
        WHERE images.group_id = change.group_id AND (images.label_state, images.label) IS DISTINCT FROM (change.label_state, change.label)
        """;

    // A reviewer who settles one picture of a lesion has been asked about all of them; but not about what a hospital said afterwards.
    private const string CloseAnswered = """
        UPDATE review_items SET state = 'closed', closed_at = $2 FROM images
        WHERE kind IN ('labelerror', 'feedback') AND images.group_id = ANY($1) AND review_items.image_id = images.id AND state <> 'closed'
            AND (kind = 'labelerror' OR EXISTS (
                SELECT FROM label_claims JOIN images AS decided ON decided.id = label_claims.image_id
                WHERE decided.group_id = images.group_id AND rank = $3 AND decided.excluded_at IS NULL AND decided.forgotten_at IS NULL
                    AND claimed_at >= review_items.opened_at))
        """;

    /// <summary>Resolves groups anew from all claims in the database, and opens or closes their items in the review queue.</summary>
    /// <param name="connection">The connection whose transaction changed the claims or the groups.</param>
    /// <param name="groups">The groups, those that were merged into others included.</param>
    /// <param name="now">When it happens.</param>
    /// <param name="cancellationToken">Breaks the transaction.</param>
    public static async Task ApplyAsync(NpgsqlConnection connection, IReadOnlyCollection<Guid> groups, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (groups.Count == 0)
            return;
        var claims = new List<(Guid Group, Claim Claim)>();
        await using (var command = new NpgsqlCommand(Claims, connection)
        {
            CommandTimeout = CatalogueLock.Timeout,
            Parameters = { new() { Value = groups.ToArray() } },
        })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                claims.Add((rows.GetGuid(0), new Claim((ClaimRank)rows.GetInt16(1), new DiagnosisSet(rows.GetInt16(2)))));
        }

        var byGroup = claims.ToLookup(claim => claim.Group, claim => claim.Claim);
        var resolved = groups.Select(group => new GroupLabel(group, [.. byGroup[group]])).ToList();
        await using (var update = new NpgsqlCommand(Update, connection)
        {
            CommandTimeout = CatalogueLock.Timeout,
            Parameters =
            {
                new() { Value = resolved.Select(group => group.Id).ToArray() },
                new() { Value = resolved.Select(group => group.Resolution.State.ToColumn()).ToArray() },
                new() { Value = resolved.Select(group => group.Resolution.Label?.Bits).ToArray() },
            },
        })
        {
            await update.ExecuteNonQueryAsync(cancellationToken);
        }

        await ConflictItems.UpdateAsync(connection, resolved, now, cancellationToken);
        var decided = claims.Where(claim => claim.Claim.Rank == ClaimRank.Reviewer).Select(claim => claim.Group).Distinct().ToArray();
        if (decided.Length > 0)
        {
            await using var close = new NpgsqlCommand(CloseAnswered, connection)
            {
                CommandTimeout = CatalogueLock.Timeout,
                Parameters = { new() { Value = decided }, new() { Value = now }, new() { Value = (short)ClaimRank.Reviewer } },
            };
            await close.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}

/// <summary>What the claims about a lesion group come to.</summary>
internal sealed record GroupLabel(Guid Id, IReadOnlyCollection<Claim> Claims)
{
    public Resolution Resolution { get; } = ClaimResolution.Resolve(Claims);
}
