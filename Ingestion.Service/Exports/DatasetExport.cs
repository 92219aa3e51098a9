using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Storage.Catalogue;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Ingestion.Exports;

/// <summary>A dataset as a ZIP, written while it is sent: README.txt, dataset.csv, and the images as they were delivered.</summary>
internal sealed class DatasetExport(NpgsqlDataSource dataSource, ExportRows rows, ExportReadme readme, IOptions<DeliveryOptions> options)
{
    /// <summary>Response header with about how many bytes the archive will have.</summary>
    public const string SizeHeaderName = "melanoma-export-bytes";

    private const int ImagesAtOnce = 50;
    private const int TableBytesPerRow = 120;

    private const string ImageBytes = """
        SELECT coalesce(sum(size_bytes), 0)::bigint FROM (
            SELECT DISTINCT image_id, split FROM dataset_items WHERE dataset_id = $1) AS item
        JOIN images ON images.id = image_id WHERE forgotten_at IS NULL
        """;

    private const string Forgotten = """
        SELECT count(*)::int FROM dataset_items JOIN images ON images.id = image_id WHERE dataset_id = $1 AND forgotten_at IS NOT NULL
        """;

    private static readonly string[] Columns =
    [
        "image_id", "sha256", "file", "split", "label", "group_id", "isic_ids", "licence", "attribution", "source", "age", "sex", "site", "skin_tone", "fold",
    ];

    /// <summary>About how many bytes the archive will have.</summary>
    public async Task<long> EstimateBytesAsync(Dataset dataset, bool withImages, CancellationToken cancellationToken)
    {
        var table = (long)dataset.Images * TableBytesPerRow;
        if (!withImages)
            return table;
        await using var command = dataSource.CreateCommand(ImageBytes);
        command.CommandTimeout = 0;
        command.Parameters.Add(new() { Value = dataset.DatasetId });
        return table + (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Writes the archive.</summary>
    /// <exception cref="RpcException">ABORTED: an image was forgotten meanwhile.</exception>
    public async Task WriteAsync(Dataset dataset, bool withImages, Stream output, CancellationToken cancellationToken)
    {
        await using var directory = NamelessFile.Create(options.Value.SpoolFolder);
        var zip = new ZipWriter(output, directory, dataset.CreatedAt.ToDateTimeOffset());
        await zip.AddTextAsync("README.txt", readme.WriteAsync(dataset, withImages, cancellationToken), cancellationToken);
        await zip.AddTextAsync("dataset.csv", WriteTableAsync(dataset.DatasetId, withImages, cancellationToken), cancellationToken);
        if (withImages)
            await AddImagesAsync(zip, dataset.DatasetId, cancellationToken);
        await RefuseForgottenAsync(dataset, cancellationToken);
        await zip.FinishAsync(cancellationToken);
    }

    private async IAsyncEnumerable<string> WriteTableAsync(int datasetId, bool withImages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        CsvLine.Append(text, Columns);
        await foreach (var page in rows.ReadAsync(datasetId, cancellationToken))
        {
            foreach (var row in page.Where(row => !row.Forgotten))
            {
                CsvLine.Append(
                    text, row.ImageId.ToString(), row.Sha256, withImages ? row.File : "", row.Split,
                    string.Join('|', row.Label.Members.Select(Diagnoses.NameOf)), row.GroupId.ToString(), string.Join('|', row.IsicIds), row.Licence, row.Attribution, row.Source,
                    row.AgeYears?.ToString(CultureInfo.InvariantCulture), row.Sex, row.Site, row.SkinTone,
                    row.Fold?.ToString(CultureInfo.InvariantCulture));
            }

            yield return text.ToString();
            text.Clear();
        }

        yield return text.ToString();
    }

    private async Task AddImagesAsync(ZipWriter zip, int datasetId, CancellationToken cancellationToken)
    {
        await foreach (var page in rows.ReadAsync(datasetId, cancellationToken))
        {
            foreach (var part in page.Where(row => row is { FirstOfFile: true, Forgotten: false }).Chunk(ImagesAtOnce))
            {
                var files = part.ToLookup(row => row.ImageId);
                var written = 0;
                await foreach (var (imageId, bytes) in ImageContents.ReadAsync(dataSource, [.. files.Select(image => image.Key)], cancellationToken))
                {
                    foreach (var row in files[imageId])
                    {
                        await zip.AddStoredAsync(row.File, bytes, cancellationToken);
                        written++;
                    }
                }

                if (written != part.Length)
                    throw ForgottenMeanwhile();
            }
        }
    }

    // Nothing forgotten comes back: where there are no more of them than at the beginning, the README, the table and the images told of the same ones.
    private async Task RefuseForgottenAsync(Dataset dataset, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Forgotten);
        command.CommandTimeout = 0;
        command.Parameters.Add(new() { Value = dataset.DatasetId });
        if ((int)(await command.ExecuteScalarAsync(cancellationToken))! != dataset.Forgotten)
            throw ForgottenMeanwhile();
    }

    private static RpcException ForgottenMeanwhile() =>
        new(new Status(StatusCode.Aborted, "An image of the dataset was forgotten while it was exported; export it again."));
}
