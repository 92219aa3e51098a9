using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>Writes the ISIC ids of images and what folders and tables claim of them. The catalogue's lock must be held.</summary>
internal static class ImageClaims
{
    private const string AddIds =
        "INSERT INTO image_isic_ids (image_id, isic_id) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING";

    private const string AddClaims = """
        INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
        SELECT claim.image_id, claim.diagnoses, claim.rank, claim.claimed_by, $5
        FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::text[]) AS claim (image_id, diagnoses, rank, claimed_by)
        ON CONFLICT DO NOTHING
        """;

    public static async Task WriteAsync(NpgsqlConnection connection, IReadOnlyCollection<BatchImage> images, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var ids = images.SelectMany(image => image.IsicIds, (image, id) => (image.Id, IsicId: id)).ToList();
        if (ids.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(AddIds)
            {
                Parameters = { new() { Value = ids.Select(id => id.Id).ToArray() }, new() { Value = ids.Select(id => id.IsicId).ToArray() } },
            });
        }

        var claims = images.SelectMany(image => image.Claims, (image, claim) => (Image: image.Id, Claim: claim)).ToList();
        if (claims.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(AddClaims)
            {
                Parameters =
                {
                    new() { Value = claims.Select(claim => claim.Image).ToArray() },
                    new() { Value = claims.Select(claim => claim.Claim.Claim.Diagnoses.Bits).ToArray() },
                    new() { Value = claims.Select(claim => (short)claim.Claim.Claim.Rank).ToArray() },
                    new() { Value = claims.Select(claim => claim.Claim.ClaimedBy).ToArray() },
                    new() { Value = now },
                },
            });
        }

        if (batch.BatchCommands.Count > 0)
            await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}
