using System.Runtime.CompilerServices;
using Melanoma.Contracts;
using Npgsql;

namespace Melanoma.Ingestion.Exports;

/// <summary>A row of a dataset as an export shows it. It is not the first of its file where an earlier row has the same image in the same split.</summary>
internal sealed record ExportRow(
    Guid ImageId, string Sha256, string Split, DiagnosisSet Label, Guid GroupId, string[] IsicIds, string MediaType, bool FirstOfFile, bool Forgotten,
    string? Licence, string? Attribution, string? Source, short? AgeYears, string? Sex, string? Site, string? SkinTone, int? Fold)
{
    /// <summary>Where the image lies in the archive.</summary>
    public string File => $"images/{Split}/{Sha256}.{Extension(MediaType)}";

    private static string Extension(string mediaType) => mediaType switch
    {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/tiff" => "tif",
        "image/bmp" => "bmp",
        _ => "bin",
    };
}

/// <summary>Reads the rows of a dataset page by page: no transaction and no connection is held for as long as a receiver takes.</summary>
internal sealed class ExportRows(NpgsqlDataSource dataSource)
{
    private const int PageSize = 500;

    private const string Page = """
        SELECT item.image_id, sha256, item.split, item.label, coalesce(item.group_id, images.group_id),
            ARRAY(SELECT isic_id::text FROM image_isic_ids WHERE image_id = item.image_id ORDER BY isic_id), media_type,
            item.delivery_file_id IS NULL OR NOT EXISTS (
                SELECT FROM dataset_items AS earlier WHERE earlier.image_id = item.image_id AND earlier.dataset_id = item.dataset_id
                    AND earlier.split = item.split AND earlier.ordinal < item.ordinal),
            forgotten_at IS NOT NULL, licence, attribution, source, age_years, sex, site, skin_tone, fold
        FROM dataset_items AS item JOIN images ON images.id = item.image_id
        LEFT JOIN dataset_groups AS lesion ON lesion.dataset_id = item.dataset_id AND lesion.group_id = item.group_id
        WHERE item.dataset_id = $1 AND item.ordinal >= $2 AND item.ordinal < $3 ORDER BY item.ordinal
        """;

    /// <summary>The rows in the order of the dataset, a page at a time.</summary>
    public async IAsyncEnumerable<List<ExportRow>> ReadAsync(int datasetId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var ordinal = 0; ; ordinal += PageSize)
        {
            var page = await ReadPageAsync(datasetId, ordinal, cancellationToken);
            if (page.Count > 0)
                yield return page;
            if (page.Count < PageSize)
                yield break;
        }
    }

    private async Task<List<ExportRow>> ReadPageAsync(int datasetId, int ordinal, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Page);
        command.Parameters.Add(new() { Value = datasetId });
        command.Parameters.Add(new() { Value = ordinal });
        command.Parameters.Add(new() { Value = ordinal + PageSize });
        var page = new List<ExportRow>(PageSize);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            page.Add(new ExportRow(
                row.GetGuid(0), Convert.ToHexStringLower(row.GetFieldValue<byte[]>(1)), row.GetString(2), new DiagnosisSet(row.GetInt16(3)), row.GetGuid(4),
                row.GetFieldValue<string[]>(5), row.GetString(6), row.GetBoolean(7), row.GetBoolean(8),
                Text(9), Text(10), Text(11), row.IsDBNull(12) ? null : row.GetInt16(12), Text(13), Text(14), Text(15), row.IsDBNull(16) ? null : row.GetInt32(16)));
        }

        return page;

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
    }
}
