using Melanoma.Contracts;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>An image that the catalogue has already.</summary>
internal sealed record KnownImage(Guid Id, Guid GroupId, Resolution Resolution, string FirstPath)
{
    public List<Claim> Claims { get; } = [];
}

/// <summary>What the catalogue knows of the images of a batch, read under its lock.</summary>
internal sealed class KnownCatalogue
{
    private readonly Dictionary<string, KnownImage> _images = new(StringComparer.Ordinal);

    public ILookup<string, Guid> GroupsByIsicId { get; private set; } = Enumerable.Empty<Guid>().ToLookup(_ => "");

    public Dictionary<Guid, GroupState> Groups { get; } = [];

    /// <summary>Takes the catalogue's lock for the running transaction and reads, all in one round trip.</summary>
    public static async Task<KnownCatalogue> ReadAsync(
        NpgsqlConnection connection, IReadOnlyList<CatalogueWriter.BatchImage> images, CancellationToken cancellationToken)
    {
        var hashes = images.Select(image => image.Files[0].Sha256).ToArray();
        var ids = images.SelectMany(image => image.IsicIds).Distinct().ToArray();
        await using var batch = new NpgsqlBatch(connection) { Timeout = CatalogueLock.Timeout };
        batch.BatchCommands.Add(CatalogueLock.BatchCommand);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            SELECT sha256, id, group_id, label_state, label, (SELECT path FROM delivery_files WHERE image_id = images.id ORDER BY delivery_files.id LIMIT 1)
            FROM images WHERE sha256 = ANY($1)
            """)
        { Parameters = { new() { Value = hashes } } });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "SELECT images.sha256, rank, diagnoses FROM label_claims JOIN images ON images.id = image_id WHERE images.sha256 = ANY($1)")
        { Parameters = { new() { Value = hashes } } });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "SELECT DISTINCT isic_id, group_id FROM image_isic_ids JOIN images ON images.id = image_id WHERE isic_id = ANY($1)")
        { Parameters = { new() { Value = ids } } });
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            SELECT id, split, delivered_as_test FROM lesion_groups WHERE id IN (
                SELECT group_id FROM images WHERE sha256 = ANY($1)
                UNION SELECT group_id FROM image_isic_ids JOIN images ON images.id = image_id WHERE isic_id = ANY($2))
            """)
        { Parameters = { new() { Value = hashes }, new() { Value = ids } } });

        var known = new KnownCatalogue();
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        await rows.NextResultAsync(cancellationToken);
        await known.ReadRowsAsync(rows, cancellationToken);
        return known;
    }

    public void ApplyTo(IReadOnlyList<CatalogueWriter.BatchImage> images)
    {
        foreach (var image in images)
            image.Known = _images.GetValueOrDefault(image.Hash);
    }

    private async Task ReadRowsAsync(NpgsqlDataReader rows, CancellationToken cancellationToken)
    {
        while (await rows.ReadAsync(cancellationToken))
        {
            var resolution = new Resolution(
                EnumText.FromColumn<LabelState>(rows.GetString(3)), rows.IsDBNull(4) ? null : new DiagnosisSet(rows.GetInt16(4)));
            var path = rows.IsDBNull(5) ? "an image of the catalogue" : rows.GetString(5);
            _images.Add(Convert.ToHexString(rows.GetFieldValue<byte[]>(0)), new KnownImage(rows.GetGuid(1), rows.GetGuid(2), resolution, path));
        }

        await rows.NextResultAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            _images[Convert.ToHexString(rows.GetFieldValue<byte[]>(0))].Claims
                .Add(new Claim((ClaimRank)rows.GetInt16(1), new DiagnosisSet(rows.GetInt16(2))));
        }

        await rows.NextResultAsync(cancellationToken);
        var groups = new List<(string IsicId, Guid Group)>();
        while (await rows.ReadAsync(cancellationToken))
            groups.Add((rows.GetString(0), rows.GetGuid(1)));
        GroupsByIsicId = groups.ToLookup(row => row.IsicId, row => row.Group, StringComparer.Ordinal);

        await rows.NextResultAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            Split? split = rows.IsDBNull(1) ? null : EnumText.FromColumn<Split>(rows.GetString(1));
            Groups.Add(rows.GetGuid(0), new GroupState(rows.GetGuid(0), split, rows.GetBoolean(2)));
        }
    }
}
