using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.Datasets;

/// <summary>What the delivered Test folders leak into the delivered Train folders: whoever evaluates on those folders as they came must know it.</summary>
/// <param name="Images">Distinct images delivered in a Test folder.</param>
/// <param name="Copies">How many of them were delivered in a Train folder as well, byte for byte.</param>
/// <param name="SharedLesions">How many others show a lesion of which an image was delivered in a Train folder.</param>
internal sealed record TestFolderLeaks(int Images, int Copies, int SharedLesions)
{
    // A copy is of its own lesion, so the others are counted without the copies.
    private const string Count = """
        WITH test AS (
            SELECT DISTINCT image_id, group_id FROM delivery_files JOIN images ON images.id = image_id
            WHERE folder_split = 'test' AND ($1 IS NULL OR delivery_files.delivery_id = $1)),
        judged AS (
            SELECT EXISTS (SELECT FROM delivery_files WHERE delivery_files.image_id = test.image_id AND folder_split = 'train') AS copied,
                EXISTS (SELECT FROM images JOIN delivery_files ON delivery_files.image_id = images.id AND folder_split = 'train' WHERE images.group_id = test.group_id) AS shared
            FROM test)
        SELECT count(*)::int, count(*) FILTER (WHERE copied)::int, count(*) FILTER (WHERE shared AND NOT copied)::int FROM judged
        """;

    public int Clean => Images - Copies - SharedLesions;

    /// <summary>Counts the Test folders of one delivery, or of all; Train folders are those of all deliveries.</summary>
    public static async Task<TestFolderLeaks> CountAsync(NpgsqlConnection connection, Guid? deliveryId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Count, connection)
        {
            CommandTimeout = 0,
            Parameters = { new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = (object?)deliveryId ?? DBNull.Value } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new TestFolderLeaks(row.GetInt32(0), row.GetInt32(1), row.GetInt32(2));
    }

    /// <summary>The finding and the rule in a sentence.</summary>
    public string Say() =>
        $"Of the {Images} distinct images delivered in a Test folder, {Copies} are byte copies of images delivered in a Train folder, "
        + $"{SharedLesions} others share a lesion with one, and {Clean} are clean; every lesion of a Test folder is test, so that nothing of it is trained on.";
}
