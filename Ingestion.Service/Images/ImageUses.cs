using Npgsql;

namespace Melanoma.Ingestion.Images;

/// <summary>Where images went: the datasets that have any of them, with the split, and the models that were trained or chosen on them.</summary>
internal sealed record ImageUses(IReadOnlyList<(int DatasetId, string Split)> Datasets, IReadOnlyList<int> Models)
{
    private const string OfImages = "SELECT DISTINCT dataset_id, split FROM dataset_items WHERE image_id = ANY($1) ORDER BY dataset_id, split";

    // By the hashes that a model carries, so that one that was trained elsewhere is named too.
    private const string Knowing = """
        SELECT version FROM model_versions m
        WHERE EXISTS (SELECT FROM images i JOIN model_training_images t ON t.version = m.version AND t.sha256 = i.sha256 WHERE i.id = ANY($1)) ORDER BY version
        """;

    public static async Task<ImageUses> ReadAsync(NpgsqlConnection connection, IReadOnlyCollection<Guid> images, CancellationToken cancellationToken)
    {
        var datasets = new List<(int DatasetId, string Split)>();
        await using (var command = new NpgsqlCommand(OfImages, connection) { Parameters = { new() { Value = images.ToArray() } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                datasets.Add((rows.GetInt32(0), rows.GetString(1)));
        }

        var models = new List<int>();
        await using (var command = new NpgsqlCommand(Knowing, connection) { Parameters = { new() { Value = images.ToArray() } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                models.Add(rows.GetInt32(0));
        }

        return new ImageUses(datasets, models);
    }
}
