using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Compares snapshots image by image, in the database.</summary>
internal sealed class DatasetDifferences(NpgsqlDataSource dataSource)
{
    private const int ListedAtMost = 1000;

    // An image that several rows of a reproduction show has the labels and the splits of all of them.
    private const string Compared = """
        WITH before AS (SELECT image_id, bit_or(label) AS label, bit_or(CASE split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 ELSE 4 END) AS splits
                FROM dataset_items WHERE dataset_id = $1 GROUP BY image_id),
            after AS (SELECT image_id, bit_or(label) AS label, bit_or(CASE split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 ELSE 4 END) AS splits
                FROM dataset_items WHERE dataset_id = $2 GROUP BY image_id)
        """;

    private const string Count = Compared + """

        SELECT count(*) FILTER (WHERE before.label IS NULL)::int, count(*) FILTER (WHERE after.label IS NULL)::int,
            count(*) FILTER (WHERE before.label <> after.label)::int, count(*) FILTER (WHERE before.splits <> after.splits)::int,
            count(*) FILTER (WHERE before.label = after.label AND before.splits = after.splits)::int
        FROM before FULL JOIN after USING (image_id)
        """;

    private const string List = Compared + """

        SELECT image_id, before.splits, after.splits, before.label, after.label
        FROM before FULL JOIN after USING (image_id) JOIN images ON images.id = image_id
        WHERE (before.label, before.splits) IS DISTINCT FROM (after.label, after.splits) ORDER BY sha256 LIMIT $3
        """;

    private static readonly string[] Splits = ["train", "validation", "test"];

    /// <summary>What differs between two datasets that exist.</summary>
    public async Task<DatasetDifference> CompareAsync(int from, int to, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var difference = new DatasetDifference();
        await using (var count = new NpgsqlCommand(Count, connection) { CommandTimeout = 0, Parameters = { new() { Value = from }, new() { Value = to } } })
        await using (var row = await count.ExecuteReaderAsync(cancellationToken))
        {
            await row.ReadAsync(cancellationToken);
            (difference.Added, difference.Removed) = (row.GetInt32(0), row.GetInt32(1));
            (difference.Relabelled, difference.Moved, difference.Unchanged) = (row.GetInt32(2), row.GetInt32(3), row.GetInt32(4));
        }

        await using var list = new NpgsqlCommand(List, connection)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = from }, new() { Value = to }, new() { Value = ListedAtMost } },
        };
        await using var rows = await list.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            difference.Changes.Add(new DatasetRowChange
            {
                ImageId = rows.GetGuid(0).ToString(),
                FromSplit = rows.IsDBNull(1) ? "" : NameSplits(rows.GetInt32(1)),
                ToSplit = rows.IsDBNull(2) ? "" : NameSplits(rows.GetInt32(2)),
                FromLabel = { rows.IsDBNull(3) ? [] : new DiagnosisSet(rows.GetInt16(3)).Members.Select(Diagnoses.NameOf) },
                ToLabel = { rows.IsDBNull(4) ? [] : new DiagnosisSet(rows.GetInt16(4)).Members.Select(Diagnoses.NameOf) },
            });
        }

        return difference;
    }

    private static string NameSplits(int bits) => string.Join('|', Splits.Where((_, index) => (bits & (1 << index)) != 0));
}
