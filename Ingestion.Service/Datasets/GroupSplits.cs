using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The splits of lesion groups, drawn when a group first enters an honest dataset. The catalogue's lock must be held.</summary>
internal static class GroupSplits
{
    // All images of a group, also those that the dataset leaves out: neither licences nor a label settled later may change the draw.
    private const string Undrawn = $"""
        SELECT DISTINCT ON (lesion_groups.id) lesion_groups.id, delivered_as_test, sha256
        FROM lesion_groups JOIN images ON group_id = lesion_groups.id
        WHERE split IS NULL AND lesion_groups.id IN (SELECT group_id FROM images WHERE {HonestContent.Taken})
        ORDER BY lesion_groups.id, sha256
        """;

    private const string Keep = "UPDATE lesion_groups SET split = $2 WHERE id = ANY($1)";

    /// <summary>Draws for every group that a dataset of these licences takes and that has no split yet.</summary>
    public static async Task DrawAsync(NpgsqlConnection connection, string[]? licences, CancellationToken cancellationToken)
    {
        var drawn = Enum.GetValues<Split>().ToDictionary(split => split, _ => new List<Guid>());
        await using (var command = new NpgsqlCommand(Undrawn, connection) { CommandTimeout = 0, Parameters = { HonestContent.LicencesParameter(licences) } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                drawn[rows.GetBoolean(1) ? Split.Test : SplitDraw.OfGroup(rows.GetFieldValue<byte[]>(2))].Add(rows.GetGuid(0));
        }

        foreach (var (split, groups) in drawn.Where(split => split.Value.Count > 0))
        {
            await using var keep = new NpgsqlCommand(Keep, connection)
            {
                CommandTimeout = 0,
                Parameters = { new() { Value = groups }, new() { Value = split.ToColumn() } },
            };
            await keep.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
