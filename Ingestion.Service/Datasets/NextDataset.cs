using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Storage;
using Npgsql;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using LabelState = Melanoma.Storage.Catalogue.LabelState;

namespace Melanoma.Ingestion.Datasets;

/// <summary>How an honest dataset made now would differ from the newest one.</summary>
internal static class NextDataset
{
    private const string Newest = "SELECT max(id) FROM datasets WHERE kind = $1 AND licences IS NULL";

    private const string Compared = """
        WITH present AS (
            SELECT images.id, label, split FROM images JOIN lesion_groups ON lesion_groups.id = group_id
            WHERE label_state = $2 AND excluded_at IS NULL AND forgotten_at IS NULL),
        newest AS (SELECT image_id, label, split FROM dataset_items WHERE dataset_id = $1)
        SELECT present.label, newest.image_id IS NULL, present.id IS NULL, newest.label <> present.label, newest.split <> present.split, count(*)::int
        FROM present FULL JOIN newest ON newest.image_id = present.id
        GROUP BY 1, 2, 3, 4, 5
        """;

    public static async Task<DatasetChange> CompareAsync(NpgsqlDataSource dataSource, CancellationToken cancellationToken)
    {
        var change = new DatasetChange();
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using (var newest = new NpgsqlCommand(Newest, connection) { Parameters = { new() { Value = DatasetKind.Honest.ToColumn() } } })
        {
            if (await newest.ExecuteScalarAsync(cancellationToken) is int id)
                change.ComparedWith = id;
        }

        var added = new int[Diagnoses.Count];
        await using var compared = new NpgsqlCommand(Compared, connection)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = change.ComparedWith }, new() { Value = LabelState.Settled.ToColumn() } },
        };
        await using var rows = await compared.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var count = rows.GetInt32(5);
            if (rows.GetBoolean(1))
            {
                change.Added += count;
                if (new DiagnosisSet(rows.GetInt16(0)) is { Count: 1 } label)
                    added[(int)label.Sole] += count;
            }
            else if (rows.GetBoolean(2))
            {
                change.Removed += count;
            }
            else
            {
                change.Relabelled += rows.GetBoolean(3) ? count : 0;
                change.Moved += !rows.IsDBNull(4) && rows.GetBoolean(4) ? count : 0;
            }
        }

        change.AddedClasses.AddRange(added.Select((count, index) => new ClassCount { Diagnosis = Diagnoses.Names[index], Count = count }).Where(row => row.Count > 0));
        return change;
    }
}
