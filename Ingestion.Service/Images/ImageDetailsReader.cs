using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Ingestion.Labels;
using Npgsql;

namespace Melanoma.Ingestion.Images;

/// <summary>One image with all that is known of it.</summary>
internal sealed class ImageDetailsReader(NpgsqlDataSource dataSource)
{
    private const int GroupImagesAtMost = 1000;

    private const string NearDuplicates = """
        SELECT duplicate_of_id, similarity, transform FROM near_duplicates WHERE image_id = $1
        UNION ALL SELECT image_id, similarity, transform FROM near_duplicates WHERE duplicate_of_id = $1 ORDER BY similarity DESC
        """;

    private const string GroupImages = "SELECT id FROM images WHERE group_id = $1 AND id <> $2 ORDER BY number LIMIT $3";

    private const string Quality = """
        SELECT measures_quality_flags, measures_sharpness, measures_highlights, measures_burnt_share, measures_blank_share, measures_likeness
        FROM images WHERE id = $1 AND measures_quality_flags IS NOT NULL
        """;

    /// <exception cref="RpcException">NOT_FOUND: there is none of this id.</exception>
    public async Task<ImageDetails> ReadAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var image = (await ImageReader.ReadAsync(connection, [id], cancellationToken)).SingleOrDefault() ?? throw ImageIds.NotFound(id);
        var group = Guid.Parse(image.GroupId);
        var details = new ImageDetails { Image = image };
        details.Claims.AddRange((await ImageReader.ReadClaimsAsync(connection, [group], cancellationToken))[group]);
        details.Decision = (await LabelDecisions.ReadAsync(connection, [group], cancellationToken)).GetValueOrDefault(group, "");
        await using (var command = new NpgsqlCommand(NearDuplicates, connection) { Parameters = { new() { Value = id } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                details.NearDuplicates.Add(
                    new NearDuplicate { ImageId = rows.GetGuid(0).ToString(), Similarity = rows.GetFloat(1), Transform = rows.GetString(2) });
            }
        }

        await using (var command = new NpgsqlCommand(GroupImages, connection)
        {
            Parameters = { new() { Value = group }, new() { Value = id }, new() { Value = GroupImagesAtMost } },
        })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                details.GroupImages.Add(rows.GetGuid(0).ToString());
        }

        await using (var command = new NpgsqlCommand(Quality, connection) { Parameters = { new() { Value = id } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var quality = new ImageQuality(rows.GetFloat(1), rows.GetFloat(2), rows.GetFloat(3), rows.GetFloat(4), rows.GetFloat(5), (QualityFlags)rows.GetInt16(0));
                details.QualityReasons.AddRange(QualityFinding.Of(quality, image.Width, image.Height).Select(finding => finding.Sentence));
            }
        }

        var uses = await ImageUses.ReadAsync(connection, [id], cancellationToken);
        details.Datasets.AddRange(uses.Datasets.Select(use => new DatasetMembership { DatasetId = use.DatasetId, Split = use.Split }));
        details.TrainedModels.AddRange(uses.Models.Select(version => version.ToString(CultureInfo.InvariantCulture)));
        return details;
    }
}
