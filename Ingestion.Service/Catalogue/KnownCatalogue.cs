using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>An image that the catalogue has already.</summary>
internal sealed record KnownImage(
    Guid Id, Guid GroupId, bool DeliveredAsTest, bool IsForgotten, IReadOnlyCollection<string> IsicIds, DiagnosisSet FolderDiagnoses, string FirstPath);

/// <summary>What the catalogue knows of the images of a batch.</summary>
internal static class KnownCatalogue
{
    private const string Known = """
        SELECT sha256, images.id, group_id, delivered_as_test, forgotten_at IS NOT NULL,
            ARRAY(SELECT isic_id FROM image_isic_ids WHERE image_id = images.id),
            (SELECT bit_or(diagnoses) FROM label_claims WHERE image_id = images.id AND rank = $2),
            (SELECT path FROM delivery_files WHERE image_id = images.id ORDER BY delivery_files.id LIMIT 1)
        FROM images JOIN lesion_groups ON lesion_groups.id = group_id WHERE sha256 = ANY($1)
        """;

    private const string FirstPaths =
        "SELECT DISTINCT ON (image_id) image_id, path FROM delivery_files WHERE image_id = ANY($1) ORDER BY image_id, id";

    /// <summary>Takes the catalogue's lock for the running transaction and finds the images in it, all in one round trip.</summary>
    public static async Task ReadAsync(NpgsqlConnection connection, IReadOnlyList<BatchImage> images, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { Timeout = CatalogueLock.Timeout };
        batch.BatchCommands.Add(CatalogueLock.BatchCommand);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Known)
        {
            Parameters = { new() { Value = images.Select(image => image.Files[0].Sha256).ToArray() }, new() { Value = (short)ClaimRank.Folder } },
        });
        var known = new Dictionary<string, KnownImage>(StringComparer.Ordinal);
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        await rows.NextResultAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            known.Add(Convert.ToHexString(rows.GetFieldValue<byte[]>(0)), new KnownImage(
                rows.GetGuid(1), rows.GetGuid(2), rows.GetBoolean(3), rows.GetBoolean(4), rows.GetFieldValue<string[]>(5),
                rows.IsDBNull(6) ? DiagnosisSet.Empty : new DiagnosisSet(rows.GetInt16(6)),
                rows.IsDBNull(7) ? "an image of the catalogue" : rows.GetString(7)));
        }

        foreach (var image in images)
            image.Known = known.GetValueOrDefault(image.Hash);
    }

    /// <summary>Where images were delivered first.</summary>
    public static async Task<Dictionary<Guid, string>> ReadFirstPathsAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        var paths = new Dictionary<Guid, string>();
        if (images.Length == 0)
            return paths;
        await using var command = new NpgsqlCommand(FirstPaths, connection) { Parameters = { new() { Value = images } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            paths.Add(rows.GetGuid(0), rows.GetString(1));
        return paths;
    }
}
