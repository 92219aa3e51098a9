using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>What the delivered Test folders leak into the delivered Train folders: whoever evaluates on those folders as they came must know it.</summary>
/// <param name="Images">Distinct images delivered in a Test folder.</param>
/// <param name="Copies">How many of them were delivered in a Train folder as well, byte for byte.</param>
/// <param name="SharedLesions">How many others show a lesion of which an image was delivered in a Train folder.</param>
internal sealed record TestFolderLeaks(int Images, int Copies, int SharedLesions)
{
    private const string Count = """
        WITH delivered AS (
            SELECT image_id, group_id, bool_or(folder_split = 'test') AS in_test, bool_or(folder_split = 'train') AS in_train
            FROM delivery_files JOIN images ON images.id = image_id WHERE folder_split IS NOT NULL GROUP BY image_id, group_id),
        trained AS (SELECT DISTINCT group_id FROM delivered WHERE in_train)
        SELECT count(*)::int, count(*) FILTER (WHERE in_train)::int, count(*) FILTER (WHERE NOT in_train AND trained.group_id IS NOT NULL)::int
        FROM delivered LEFT JOIN trained USING (group_id) WHERE in_test
        """;

    public int Clean => Images - Copies - SharedLesions;

    public static async Task<TestFolderLeaks> CountAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Count, connection) { CommandTimeout = 0 };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new TestFolderLeaks(row.GetInt32(0), row.GetInt32(1), row.GetInt32(2));
    }

    /// <summary>The finding and the rule in a sentence.</summary>
    public string Say() =>
        $"Of the {Images} distinct images delivered in a Test folder, {Copies} are byte copies of images delivered in a Train folder, "
        + $"{SharedLesions} others share a lesion with one, and {Clean} are clean; every such group is test here, so that nothing of it is trained on.";
}
