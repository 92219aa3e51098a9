using Melanoma.Ingestion.Tables;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Groups;

/// <summary>
/// What images of one lesion share: an ISIC id, or a lesion id that a table gives to their ISIC ids. Lesion ids are only compared within
/// one kind of table and source, and those of a plain table without a source within its delivery, because two hospitals may both count from 1.
/// </summary>
internal static class GroupKeys
{
    private const string ByIsicId = """
        SELECT DISTINCT isic_id, group_id FROM image_isic_ids JOIN images ON images.id = image_id WHERE isic_id = ANY($1)
        """;

    private const string ByLesionId = """
        SELECT DISTINCT table_name, metadata_rows.source, metadata_rows.delivery_id, lesion_id, group_id
        FROM metadata_rows JOIN image_isic_ids USING (isic_id) JOIN images ON images.id = image_id WHERE lesion_id = ANY($1)
        """;

    private const string States = "SELECT id, split, delivered_as_test FROM lesion_groups WHERE id = ANY($1)";

    /// <summary>Everything that an image of these ids is grouped by.</summary>
    /// <param name="isicIds">Its ISIC ids.</param>
    /// <param name="rows">What tables say of ISIC ids, those of other images included.</param>
    public static IReadOnlyCollection<string> Of(IReadOnlyCollection<string> isicIds, ILookup<string, MetadataRow> rows)
    {
        if (isicIds.Count == 0)
            return [];
        return [.. isicIds.Select(IsicKey), .. isicIds.SelectMany(id => rows[id]).Where(row => row.LesionId is not null).Select(LesionKey).Distinct()];
    }

    /// <summary>The groups of catalogued images that have a key of these ids or rows. The catalogue's lock must be held.</summary>
    public static async Task<ILookup<string, Guid>> FindGroupsAsync(
        NpgsqlConnection connection, string[] isicIds, IEnumerable<MetadataRow> rows, CancellationToken cancellationToken)
    {
        if (isicIds.Length == 0)
            return Enumerable.Empty<Guid>().ToLookup(_ => "");
        var lesions = rows.Select(row => row.LesionId).OfType<string>().Distinct().ToArray();
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(ByIsicId) { Parameters = { new() { Value = isicIds } } });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(ByLesionId) { Parameters = { new() { Value = lesions } } });
        var found = new List<(string Key, Guid Group)>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add((IsicKey(reader.GetString(0)), reader.GetGuid(1)));
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add((LesionKey(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetGuid(2), reader.GetString(3)), reader.GetGuid(4)));
        return found.ToLookup(pair => pair.Key, pair => pair.Group, StringComparer.Ordinal);
    }

    /// <summary>The groups that images are in.</summary>
    public static async Task<Dictionary<Guid, Guid>> ReadGroupsOfImagesAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        var groups = new Dictionary<Guid, Guid>();
        if (images.Length == 0)
            return groups;
        await using var command = new NpgsqlCommand("SELECT id, group_id FROM images WHERE id = ANY($1)", connection) { Parameters = { new() { Value = images } } };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            groups.Add(reader.GetGuid(0), reader.GetGuid(1));
        return groups;
    }

    /// <summary>Groups as they are.</summary>
    public static async Task<Dictionary<Guid, GroupState>> ReadStatesAsync(NpgsqlConnection connection, IEnumerable<Guid> ids, CancellationToken cancellationToken)
    {
        var states = new Dictionary<Guid, GroupState>();
        var distinct = ids.Distinct().ToArray();
        if (distinct.Length == 0)
            return states;
        await using var command = new NpgsqlCommand(States, connection) { Parameters = { new() { Value = distinct } } };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            Split? split = reader.IsDBNull(1) ? null : EnumText.FromColumn<Split>(reader.GetString(1));
            states.Add(reader.GetGuid(0), new GroupState(reader.GetGuid(0), split, reader.GetBoolean(2)));
        }

        return states;
    }

    private static string IsicKey(string isicId) => isicId;

    private static string LesionKey(MetadataRow row) => LesionKey(row.TableName, row.Source, row.DeliveryId, row.LesionId!);

    private static string LesionKey(string table, string? source, Guid deliveryId, string lesionId) => $"{TableNames.LesionScope(table, source, deliveryId)}\n{lesionId}";
}
