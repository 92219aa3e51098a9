using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.Storage.Datasets;

/// <summary>Lesions that turned out to be in two splits of an honest dataset, or in two folds of a cross-validation, because groups turned out to be one after the dataset was made.</summary>
public static class DividedLesions
{
    // Images change their group only when groups are joined, so a lesion can be divided only where one of its groups was. A union keeps each part once.
    private const string Count = """
        WITH RECURSIVE moved AS (
            SELECT id, merged_into_id AS present FROM lesion_groups WHERE merged_into_id IS NOT NULL
            UNION ALL SELECT moved.id, next.merged_into_id FROM moved JOIN lesion_groups AS next ON next.id = present WHERE next.merged_into_id IS NOT NULL),
        joined AS (SELECT moved.id, present FROM moved JOIN lesion_groups AS last ON last.id = present WHERE last.merged_into_id IS NULL),
        part AS (
            SELECT dataset_id, present, split, fold FROM dataset_groups JOIN joined ON joined.id = group_id WHERE dataset_id = ANY($1)
            UNION SELECT dataset_id, group_id, split, fold FROM dataset_groups WHERE group_id IN (SELECT present FROM joined) AND dataset_id = ANY($1)),
        divided AS (SELECT dataset_id FROM part GROUP BY dataset_id, present HAVING count(*) > 1)
        SELECT dataset_id, count(*)::int FROM divided GROUP BY dataset_id
        """;

    /// <summary>How many lesions are divided, by dataset.</summary>
    /// <param name="database">The database; its connection is used, within its transaction where there is one.</param>
    /// <param name="datasetIds">Datasets of images; reproductions have none.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    /// <returns>A count above 0 for each dataset that has any.</returns>
    public static async Task<Dictionary<int, int>> CountAsync(MelanomaDbContext database, IReadOnlyCollection<int> datasetIds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        var counts = new Dictionary<int, int>();
        await database.Database.OpenConnectionAsync(cancellationToken);
        try
        {
            await using var command = new NpgsqlCommand(Count, (NpgsqlConnection)database.Database.GetDbConnection())
            {
                CommandTimeout = 0,
                Parameters = { new() { Value = datasetIds.ToArray() } },
            };
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
                counts.Add(rows.GetInt32(0), rows.GetInt32(1));
        }
        finally
        {
            await database.Database.CloseConnectionAsync();
        }

        return counts;
    }
}
