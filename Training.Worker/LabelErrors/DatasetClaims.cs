using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Melanoma.Training.Embeddings;
using Npgsql;

namespace Melanoma.Training.LabelErrors;

/// <summary>Reads the images of a dataset with the claims that stand now. Of a picture only its description is kept.</summary>
internal sealed class DatasetClaims(NpgsqlDataSource dataSource)
{
    /// <summary>Pages, so that no statement stays open while pictures are described.</summary>
    private const int ImagesPerPage = 64;

    // What a reviewer said of any image of a lesion holds for all of them.
    private const string Page = """
        SELECT item.ordinal, item.image_id, images.group_id, item.label, content.bytes,
            ARRAY(SELECT DISTINCT diagnoses FROM label_claims WHERE image_id = images.id AND rank <> $4 ORDER BY 1),
            ARRAY(SELECT DISTINCT diagnoses FROM label_claims JOIN images AS other ON other.id = image_id
                  WHERE other.group_id = images.group_id AND rank = $4 AND other.excluded_at IS NULL AND other.forgotten_at IS NULL ORDER BY 1)
        FROM dataset_items AS item JOIN images ON images.id = item.image_id JOIN image_contents AS content ON content.image_id = images.id
        WHERE item.dataset_id = $1 AND item.ordinal > $2 AND images.excluded_at IS NULL AND images.forgotten_at IS NULL
        ORDER BY item.ordinal LIMIT $3
        """;

    /// <summary>All images of the dataset that were neither excluded nor forgotten since and can be decoded, in its order.</summary>
    public async Task<IReadOnlyList<ClaimedImage>> ReadAsync(int datasetId, PictureEmbedder embedder, CancellationToken cancellationToken)
    {
        var images = new List<ClaimedImage>();
        for (var after = -1; await ReadPageAsync(datasetId, after, cancellationToken) is { Count: > 0 } page; after = page[^1].Ordinal)
        {
            var embeddings = await Task.Run(() => embedder.Embed([.. page.Select(image => image.Bytes)], cancellationToken), cancellationToken);
            foreach (var (image, embedding) in page.Zip(embeddings))
            {
                if (embedding is not null)
                {
                    images.Add(image.Describe(embedding.Content));
                }
            }
        }

        return images;
    }

    private async Task<List<StoredClaims>> ReadPageAsync(int datasetId, int after, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Page);
        command.Parameters.Add(new() { Value = datasetId });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = ImagesPerPage });
        command.Parameters.Add(new() { Value = (short)ClaimRank.Reviewer });
        var page = new List<StoredClaims>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            page.Add(new StoredClaims(
                rows.GetInt32(0), rows.GetGuid(1), rows.GetGuid(2), new DiagnosisSet(rows.GetInt16(3)), rows.GetFieldValue<byte[]>(4),
                rows.GetFieldValue<short[]>(5), rows.GetFieldValue<short[]>(6)));
        }

        return page;
    }

    private sealed record StoredClaims(int Ordinal, Guid Image, Guid Group, DiagnosisSet Label, byte[] Bytes, short[] Claims, short[] Reviewed)
    {
        public ClaimedImage Describe(float[] embedding)
        {
            var standing = Reviewed.Length > 0 ? Reviewed : Claims;
            var row = new LabelledEmbedding(Image.ToString(), Group.ToString(), [.. standing.Select(bits => new DiagnosisSet(bits))], embedding);
            return new ClaimedImage(row, Label, IsReviewed: Reviewed.Length > 0);
        }
    }
}
