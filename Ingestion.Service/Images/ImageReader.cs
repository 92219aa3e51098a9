using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Images;

/// <summary>Reads images of the catalogue and what is claimed of them, as the wire has them.</summary>
internal static class ImageReader
{
    private const string Images = """
        SELECT images.id, sha256, media_type, width, height, size_bytes, received_at, group_id, label_state, label,
            excluded_at IS NOT NULL, forgotten_at IS NOT NULL, licence, attribution, source, age_years, sex, site, skin_tone,
            ARRAY(SELECT isic_id FROM image_isic_ids WHERE image_id = images.id ORDER BY isic_id),
            (SELECT path FROM delivery_files WHERE image_id = images.id ORDER BY delivery_files.id LIMIT 1), measures_quality_flags
        FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) JOIN images USING (id) ORDER BY place
        """;

    private const string Claims = """
        SELECT group_id, image_id, diagnoses, rank, claimed_by, claimed_at FROM label_claims JOIN images ON images.id = image_id
        WHERE group_id = ANY($1) ORDER BY rank DESC, label_claims.id
        """;

    /// <summary>The images of these ids in the given order; ids that are not known are passed over.</summary>
    public static async Task<IReadOnlyList<V1.Image>> ReadAsync(NpgsqlConnection connection, IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken)
    {
        var images = new List<V1.Image>(ids.Count);
        if (ids.Count == 0)
            return images;
        await using var command = new NpgsqlCommand(Images, connection) { Parameters = { new() { Value = ids.ToArray() } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            images.Add(MapImage(rows));
        return images;
    }

    /// <summary>What is claimed of the images of these lesion groups, by group, highest rank first.</summary>
    public static async Task<ILookup<Guid, V1.LabelClaim>> ReadClaimsAsync(
        NpgsqlConnection connection, IReadOnlyCollection<Guid> groupIds, CancellationToken cancellationToken)
    {
        var claims = new List<(Guid Group, V1.LabelClaim Claim)>();
        if (groupIds.Count > 0)
        {
            await using var command = new NpgsqlCommand(Claims, connection) { Parameters = { new() { Value = groupIds.ToArray() } } };
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
                claims.Add((rows.GetGuid(0), MapClaim(rows)));
        }

        return claims.ToLookup(claim => claim.Group, claim => claim.Claim);
    }

    private static V1.Image MapImage(NpgsqlDataReader row)
    {
        var image = new V1.Image
        {
            ImageId = row.GetGuid(0).ToString(),
            Sha256 = Convert.ToHexStringLower(row.GetFieldValue<byte[]>(1)),
            MediaType = row.GetString(2),
            Width = row.GetInt32(3),
            Height = row.GetInt32(4),
            SizeBytes = row.GetInt32(5),
            ReceivedAt = Timestamp.FromDateTimeOffset(row.GetFieldValue<DateTimeOffset>(6)),
            GroupId = row.GetGuid(7).ToString(),
            LabelState = EnumText.FromColumn<LabelState>(row.GetString(8)) switch
            {
                LabelState.Settled => V1.LabelState.Settled,
                LabelState.Conflict => V1.LabelState.Conflict,
                _ => V1.LabelState.Unlabelled,
            },
            Excluded = row.GetBoolean(10),
            Forgotten = row.GetBoolean(11),
            FirstPath = row.IsDBNull(20) ? "" : row.GetString(20),
        };
        image.Label.AddRange(Names(row, 9));
        image.IsicIds.AddRange(row.GetFieldValue<string[]>(19));
        image.QualityFlags.AddRange(row.IsDBNull(21) ? [] : QualityWords.Of(row.GetInt16(21)));
        if (!row.IsDBNull(12))
            image.Licence = row.GetString(12);
        if (!row.IsDBNull(13))
            image.Attribution = row.GetString(13);
        if (!row.IsDBNull(14))
            image.Source = row.GetString(14);
        if (!row.IsDBNull(15))
            image.AgeYears = row.GetInt16(15);
        if (!row.IsDBNull(16))
            image.Sex = row.GetString(16);
        if (!row.IsDBNull(17))
            image.Site = row.GetString(17);
        if (!row.IsDBNull(18))
            image.SkinTone = row.GetString(18);
        return image;
    }

    private static V1.LabelClaim MapClaim(NpgsqlDataReader row)
    {
        var claim = new V1.LabelClaim
        {
            ImageId = row.GetGuid(1).ToString(),
            Rank = ((ClaimRank)row.GetInt16(3)).ToColumn(),
            ClaimedBy = row.GetString(4),
            ClaimedAt = Timestamp.FromDateTimeOffset(row.GetFieldValue<DateTimeOffset>(5)),
        };
        claim.Diagnoses.AddRange(Names(row, 2));
        return claim;
    }

    private static IEnumerable<string> Names(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? [] : new DiagnosisSet(row.GetInt16(column)).Members.Select(Diagnoses.NameOf);
}
