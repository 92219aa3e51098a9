using Npgsql;

namespace Melanoma.Ingestion.Images;

/// <summary>Where images went: the datasets that have any of them, with the split, and the models that were trained or chosen on them.</summary>
internal sealed record ImageUses(IReadOnlyList<(int DatasetId, string Split)> Datasets, IReadOnlyList<int> Models)
{
    private const string OfImages = "SELECT DISTINCT dataset_id, split FROM dataset_items WHERE image_id = ANY($1) ORDER BY dataset_id, split";

    private const string OfDatasets =
        """
        SELECT version FROM model_versions WHERE dataset_id = ANY($1)
        UNION SELECT bundled.version FROM bundled_model_images bundled JOIN images ON images.sha256 = bundled.sha256 WHERE images.id = ANY($2)
        ORDER BY version
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
        var trained = datasets.Where(use => use.Split is "train" or "validation").Select(use => use.DatasetId).Distinct().ToArray();
        await using (var command = new NpgsqlCommand(OfDatasets, connection) { Parameters = { new() { Value = trained }, new() { Value = images.ToArray() } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                models.Add(rows.GetInt32(0));
        }

        return new ImageUses(datasets, models);
    }
}
