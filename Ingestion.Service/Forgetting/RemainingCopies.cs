using Npgsql;

namespace Melanoma.Ingestion.Forgetting;

/// <summary>Images that were not forgotten and still show what was: near-duplicates of forgotten ones, and of such near-duplicates.</summary>
internal static class RemainingCopies
{
    private const int NamedAtMost = 1000;

    private const string Find = """
        WITH RECURSIVE copies AS (
            SELECT unnest($1::uuid[]) AS id
            UNION SELECT pair.other_id FROM copies JOIN (
                SELECT image_id AS one_id, duplicate_of_id AS other_id FROM near_duplicates
                UNION ALL SELECT duplicate_of_id, image_id FROM near_duplicates) AS pair ON pair.one_id = copies.id)
        SELECT id FROM copies JOIN images USING (id) WHERE forgotten_at IS NULL ORDER BY number LIMIT $2
        """;

    public static async Task<List<Guid>> FindAsync(NpgsqlConnection connection, Guid[] forgotten, CancellationToken cancellationToken)
    {
        var copies = new List<Guid>();
        await using var command = new NpgsqlCommand(Find, connection)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = forgotten }, new() { Value = NamedAtMost } },
        };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            copies.Add(rows.GetGuid(0));
        return copies;
    }
}
