using System.Runtime.CompilerServices;
using System.Text;
using Melanoma.Contracts.V1;
using Npgsql;

namespace Melanoma.Ingestion.Exports;

/// <summary>What whoever gets an export must know of it, in words.</summary>
internal sealed class ExportReadme(NpgsqlDataSource dataSource, ExportRows rows)
{
    private const string Licences = """
        SELECT coalesce(licence, 'unknown'), count(*)::int FROM images
        WHERE id IN (SELECT image_id FROM dataset_items WHERE dataset_id = $1) AND forgotten_at IS NULL GROUP BY 1 ORDER BY 2 DESC, 1
        """;

    /// <summary>The text in pieces: forgotten images may be many.</summary>
    public async IAsyncEnumerable<string> WriteAsync(Dataset dataset, bool withImages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return $"""
            Dataset {dataset.DatasetId} of Melanoma ({Name(dataset.Kind)}), made {dataset.CreatedAt.ToDateTimeOffset():u}
            For research, not a medical device.

            {dataset.Images} rows; SHA-256 of the content: {dataset.ContentHash}
            dataset.csv has one line a row, in UTF-8: label holds the diagnoses that are left, joined by "|", and group_id is the same for all images
            of a lesion; fold is that of a cross-validation, counted from 0, and empty else. A field that a spreadsheet would take for a formula begins with an apostrophe.
            {(withImages ? "images/SPLIT/SHA256.EXT are the images, byte for byte as they were delivered." : "The images were left out of this export.")}

            """;
        yield return Section("Rules that made it", dataset.Rules);
        yield return Section("Warnings", dataset.Warnings.Count > 0 ? dataset.Warnings : ["none"]);
        var licences = await CountLicencesAsync(dataset.DatasetId, cancellationToken);
        yield return Section("Licences of the images (the table names the licence and whom to credit for each)", licences);
        if (dataset.Forgotten == 0)
            yield break;
        yield return Section("Forgotten since, and not in this export (image id, SHA-256)", []);
        await foreach (var page in rows.ReadAsync(dataset.DatasetId, cancellationToken))
            yield return string.Concat(page.Where(row => row is { Forgotten: true, FirstOfFile: true }).Select(row => $"- {row.ImageId} {row.Sha256}\n"));
    }

    private static string Section(string title, IEnumerable<string> lines)
    {
        var text = new StringBuilder().Append('\n').Append(title).Append('\n');
        foreach (var line in lines)
            text.Append("- ").Append(line).Append('\n');
        return text.ToString();
    }

    private static string Name(DatasetKind kind) => kind switch
    {
        DatasetKind.Reproduction => "reproduction: its figures say nothing about new patients",
        DatasetKind.CrossValidation => "cross-validation: it yields figures, never a model",
        _ => "honest",
    };

    private async Task<List<string>> CountLicencesAsync(int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Licences);
        command.CommandTimeout = 0;
        command.Parameters.Add(new() { Value = datasetId });
        var lines = new List<string>();
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
            lines.Add($"{row.GetString(0)}: {row.GetInt32(1)} images");
        return lines;
    }
}
