using Npgsql;

namespace Melanoma.Ingestion.NearDuplicates;

/// <summary>Writes pairs of near-duplicates, whose images must exist.</summary>
internal static class NearDuplicateWriter
{
    private const string Insert = """
        INSERT INTO near_duplicates (image_id, duplicate_of_id, similarity, transform)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::real[], $4::text[]) ON CONFLICT DO NOTHING
        """;

    public static async Task WriteAsync(NpgsqlConnection connection, IReadOnlyList<NearDuplicatePair> pairs, CancellationToken cancellationToken)
    {
        if (pairs.Count == 0)
            return;
        await using var command = new NpgsqlCommand(Insert, connection)
        {
            Parameters =
            {
                new() { Value = pairs.Select(pair => pair.ImageId).ToArray() },
                new() { Value = pairs.Select(pair => pair.DuplicateOfId).ToArray() },
                new() { Value = pairs.Select(pair => (float)pair.Match.Similarity).ToArray() },
                new() { Value = pairs.Select(pair => pair.Match.Transform).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
