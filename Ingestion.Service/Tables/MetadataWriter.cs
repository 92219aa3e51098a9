using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Tables;

/// <summary>
/// Stores rows of a delivered table and applies them to the images that have their ids, also those of earlier deliveries: claims, facts, lesions and
/// labels, in one transaction a batch.
/// </summary>
internal sealed class MetadataWriter(NpgsqlDataSource dataSource, TimeProvider time)
{
    private const string ImagesOfIds = """
        SELECT image_id, group_id, array_agg(isic_id) FROM image_isic_ids JOIN images ON images.id = image_id
        WHERE image_id IN (SELECT image_id FROM image_isic_ids WHERE isic_id = ANY($1)) GROUP BY image_id, group_id
        """;

    // Begun anew by the first row of an id; further rows of the same table come after it.
    private const string DropFurther = "DELETE FROM metadata_rows WHERE isic_id = ANY($1) AND starts_with(table_name, $2)";

    // What this table said of them before no longer holds.
    private const string ReplaceClaims = """
        WITH wanted AS (
            SELECT DISTINCT image_id, diagnoses, rank, table_name FROM image_isic_ids JOIN metadata_rows USING (isic_id)
            WHERE image_id = ANY($1) AND (table_name = $2 OR starts_with(table_name, $5)) AND diagnoses IS NOT NULL),
        gone AS (
            DELETE FROM label_claims WHERE image_id = ANY($1) AND (claimed_by = $2 OR starts_with(claimed_by, $5)) AND rank = ANY($4) AND NOT EXISTS (
                SELECT FROM wanted
                WHERE (wanted.image_id, wanted.diagnoses, wanted.rank, table_name) = (label_claims.image_id, label_claims.diagnoses, label_claims.rank, claimed_by)))
        INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
        SELECT image_id, diagnoses, rank, table_name, $3 FROM wanted ON CONFLICT DO NOTHING
        """;

    private static readonly short[] TableRanks = [(short)ClaimRank.Curated, (short)ClaimRank.Histopathology];

    /// <summary>Stores rows. No id may stand in them twice under one name; the first row of an id replaces all that its table said before, further ones add to it.</summary>
    public async Task WriteAsync(IReadOnlyCollection<MetadataRow> rows, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        foreach (var table in rows.GroupBy(row => TableNames.WithoutFurther(row.TableName), StringComparer.Ordinal))
        {
            await DropFurtherAsync(connection, table.Key, [.. table.Where(row => row.TableName == table.Key).Select(row => row.IsicId)], cancellationToken);
            await MetadataRows.WriteAsync(connection, [.. table], cancellationToken);
            await ApplyAsync(connection, table.Key, [.. table.Select(row => row.IsicId).Distinct()], cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task DropFurtherAsync(NpgsqlConnection connection, string table, string[] isicIds, CancellationToken cancellationToken)
    {
        if (isicIds.Length == 0)
            return;
        await using var command = new NpgsqlCommand(DropFurther, connection)
        {
            Parameters = { new() { Value = isicIds }, new() { Value = TableNames.StartOfFurther(table) } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task ApplyAsync(NpgsqlConnection connection, string table, string[] isicIds, CancellationToken cancellationToken)
    {
        var images = new List<(Guid Id, Guid Group, string[] IsicIds)>();
        await using (var command = new NpgsqlCommand(ImagesOfIds, connection) { Parameters = { new() { Value = isicIds } } })
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                images.Add((reader.GetGuid(0), reader.GetGuid(1), reader.GetFieldValue<string[]>(2)));
        }

        if (images.Count == 0)
            return;
        var now = time.GetUtcNow();
        var imageIds = images.Select(image => image.Id).ToArray();
        await using (var claims = new NpgsqlCommand(ReplaceClaims, connection)
        {
            Parameters =
            {
                new() { Value = imageIds }, new() { Value = table }, new() { Value = now }, new() { Value = TableRanks }, new() { Value = TableNames.StartOfFurther(table) },
            },
        })
        {
            await claims.ExecuteNonQueryAsync(cancellationToken);
        }

        await ImageFactsWriter.RefreshAsync(connection, imageIds, cancellationToken);
        var grouping = await GroupAsync(connection, images, cancellationToken);
        await LabelResolution.ApplyAsync(connection, [.. grouping.Touched], now, cancellationToken);
    }

    private static async Task<Grouping> GroupAsync(NpgsqlConnection connection, List<(Guid Id, Guid Group, string[] IsicIds)> images, CancellationToken cancellationToken)
    {
        var ids = images.SelectMany(image => image.IsicIds).Distinct().ToArray();
        var rows = await MetadataRows.ReadAsync(connection, ids, cancellationToken);
        var groupsByKey = await GroupKeys.FindGroupsAsync(connection, ids, rows.SelectMany(row => row), cancellationToken);
        return await GroupWriter.JoinAsync(
            connection, [.. images.Select(image => new ImageToGroup(GroupKeys.Of(image.IsicIds, rows), [image.Group], [], DeliveredAsTest: false))], groupsByKey, cancellationToken);
    }
}
