using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.V1;
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

    /// <exception cref="RpcException">NOT_FOUND: there is none of this id.</exception>
    public async Task<ImageDetails> ReadAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var image = (await ImageReader.ReadAsync(connection, [id], cancellationToken)).SingleOrDefault() ?? throw ImageIds.NotFound(id);
        var group = Guid.Parse(image.GroupId);
        var details = new ImageDetails { Image = image };
        details.Claims.AddRange((await ImageReader.ReadClaimsAsync(connection, [group], cancellationToken))[group]);
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

        var uses = await ImageUses.ReadAsync(connection, [id], cancellationToken);
        details.Datasets.AddRange(uses.Datasets.Select(use => new DatasetMembership { DatasetId = use.DatasetId, Split = use.Split }));
        details.TrainedModels.AddRange(uses.Models.Select(version => version.ToString(CultureInfo.InvariantCulture)));
        return details;
    }
}
