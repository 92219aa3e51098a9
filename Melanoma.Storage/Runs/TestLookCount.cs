using Npgsql;

namespace Melanoma.Storage.Runs;

/// <summary>How often test lesions were looked at: by runs (<see cref="TestLook"/>) and by comparisons of models (<see cref="Models.ComparisonLook"/>).</summary>
public static class TestLookCount
{
    // Rows of a reproduction know no lesion: its looks are its own.
    private const string Count = """
        WITH sharing AS (
            SELECT $1 AS dataset_id
            UNION SELECT theirs.dataset_id FROM dataset_groups mine JOIN dataset_groups theirs ON theirs.group_id = mine.group_id AND theirs.split = 'test'
            WHERE mine.dataset_id = $1 AND mine.split = 'test')
        SELECT (SELECT count(*) FROM test_looks JOIN sharing USING (dataset_id))::int + (SELECT count(*) FROM comparison_looks JOIN sharing USING (dataset_id))::int
        """;

    /// <summary>How many looks there were at any test lesion of a dataset, in whichever dataset.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="datasetId">The dataset.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    public static async Task<int> ReadAsync(NpgsqlDataSource dataSource, int datasetId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        await using var command = dataSource.CreateCommand(Count);
        command.CommandTimeout = 0;
        command.Parameters.Add(new() { Value = datasetId });
        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
