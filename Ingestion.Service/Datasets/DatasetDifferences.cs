using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Compares snapshots image by image, in the database.</summary>
internal sealed class DatasetDifferences(NpgsqlDataSource dataSource)
{
    private const int ListedAtMost = 1000;

    // One pass over both: a full join would give images no key to be joined by. An image that several rows of a reproduction show has the labels
    // and the splits of all of them.
    private const string Compared = """
        WITH compared AS (
            SELECT image_id, bit_or(label) FILTER (WHERE dataset_id = $1) AS label_before, bit_or(label) FILTER (WHERE dataset_id = $2) AS label_after,
                bit_or(split) FILTER (WHERE dataset_id = $1) AS splits_before, bit_or(split) FILTER (WHERE dataset_id = $2) AS splits_after
            FROM (
                SELECT dataset_id, image_id, label, CASE split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 ELSE 4 END AS split
                FROM dataset_items WHERE dataset_id IN ($1, $2)) AS item
            GROUP BY image_id)
        """;

    private const string Count = Compared + """

        SELECT count(*) FILTER (WHERE label_before IS NULL)::int, count(*) FILTER (WHERE label_after IS NULL)::int,
            count(*) FILTER (WHERE label_before <> label_after)::int, count(*) FILTER (WHERE splits_before <> splits_after)::int,
            count(*) FILTER (WHERE label_before = label_after AND splits_before = splits_after)::int
        FROM compared
        """;

    private const string List = Compared + """

        SELECT image_id, splits_before, splits_after, label_before, label_after FROM compared JOIN images ON images.id = image_id
        WHERE (label_before, splits_before) IS DISTINCT FROM (label_after, splits_after) ORDER BY sha256 LIMIT $3
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
