using Melanoma.Imaging;
using Melanoma.Training.Embeddings;
using Npgsql;

namespace Melanoma.Training.LesionViews;

/// <summary>Reads the pictures of a dataset for the search for other views of a lesion, and what is decided about lesions already.</summary>
internal sealed class DatasetPictures(NpgsqlDataSource dataSource)
{
    /// <summary>Pages, so that no statement stays open while pictures are described.</summary>
    private const int ImagesPerPage = 64;

    private const string Page = """
        SELECT item.ordinal, item.image_id, images.group_id, content.bytes
        FROM dataset_items AS item JOIN images ON images.id = item.image_id JOIN image_contents AS content ON content.image_id = images.id
        WHERE item.dataset_id = $1 AND item.ordinal > $2 AND images.excluded_at IS NULL AND images.forgotten_at IS NULL
        ORDER BY item.ordinal LIMIT $3
        """;

    private const string Rejected = """
        SELECT first.group_id, second.group_id FROM review_decisions AS decision
        JOIN review_decision_images AS one ON one.decision_id = decision.id JOIN images AS first ON first.id = one.image_id
        JOIN review_decision_images AS other ON other.decision_id = decision.id AND other.image_id > one.image_id JOIN images AS second ON second.id = other.image_id
        WHERE decision.action = 'reject' AND NOT EXISTS (SELECT FROM review_decisions AS undoing WHERE undoing.undoes_id = decision.id)
        """;

    /// <summary>How many images the dataset has.</summary>
    public async Task<long> CountAsync(int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT count(*) FROM dataset_items WHERE dataset_id = $1");
        command.Parameters.Add(new() { Value = datasetId });
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>
    /// All images of the dataset that were neither excluded nor forgotten since and can be decoded, in its order, each with the group it is in now. Their
    /// keypoints are added to <paramref name="features"/> in the same order.
    /// </summary>
    public async Task<IReadOnlyList<LesionPicture>> ReadAsync(
        int datasetId, PictureEmbedder embedder, FeatureFile features, CancellationToken cancellationToken)
    {
        var pictures = new List<LesionPicture>();
        for (var after = -1; await ReadPageAsync(datasetId, after, cancellationToken) is { Count: > 0 } page; after = page[^1].Ordinal)
        {
            var described = await Task.Run(() => Describe(page, embedder, cancellationToken), cancellationToken);
            foreach (var (picture, keypoints) in described)
            {
                pictures.Add(picture);
                features.Add(keypoints);
            }
        }

        return pictures;
    }

    /// <summary>Pairs of groups of which a reviewer said that they are two lesions, in both orders.</summary>
    public async Task<IReadOnlySet<(string First, string Second)>> ReadRejectedAsync(CancellationToken cancellationToken)
    {
        var rejected = new HashSet<(string, string)>();
        await using var command = dataSource.CreateCommand(Rejected);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var (first, second) = (rows.GetGuid(0).ToString(), rows.GetGuid(1).ToString());
            rejected.Add((first, second));
            rejected.Add((second, first));
        }

        return rejected;
    }

    private static List<(LesionPicture Picture, LocalFeatures Features)> Describe(
        List<StoredPicture> page, PictureEmbedder embedder, CancellationToken cancellationToken)
    {
        var embeddings = embedder.Embed([.. page.Select(image => image.Bytes)], cancellationToken);
        var features = new LocalFeatures?[page.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        Parallel.For(0, page.Count, parallel, i =>
        {
            if (ImageDecoder.TryDecode(page[i].Bytes, ImageLimits.Default, out var image, out _))
            {
                features[i] = LocalFeatures.Of(image);
            }
        });
        var described = new List<(LesionPicture, LocalFeatures)>(page.Count);
        for (var i = 0; i < page.Count; i++)
        {
            if (embeddings[i] is { } embedding && features[i] is { } keypoints)
            {
                described.Add((new LesionPicture(page[i].Image.ToString(), embedding.Texture, page[i].Group.ToString()), keypoints));
            }
        }

        return described;
    }

    private async Task<List<StoredPicture>> ReadPageAsync(int datasetId, int after, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Page);
        command.Parameters.Add(new() { Value = datasetId });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = ImagesPerPage });
        var page = new List<StoredPicture>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            page.Add(new StoredPicture(rows.GetInt32(0), rows.GetGuid(1), rows.GetGuid(2), rows.GetFieldValue<byte[]>(3)));
        }

        return page;
    }

    private sealed record StoredPicture(int Ordinal, Guid Image, Guid Group, byte[] Bytes);
}
