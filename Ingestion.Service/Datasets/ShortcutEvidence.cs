using Google.Protobuf;
using Melanoma.Imaging;
using Melanoma.Ingestion.Shortcuts;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Datasets;

/// <summary>How far the classes of a dataset can be told from what is no medicine, and the warnings that follow.</summary>
/// <param name="Json">The report as it is stored: <c>melanoma.v1.ShortcutReport</c>.</param>
/// <param name="Warnings">Sentences that every report on the dataset carries.</param>
internal sealed record DatasetShortcuts(string Json, IReadOnlyList<string> Warnings)
{
    // A picture of which no table says where it comes from comes from its delivery.
    private const string Properties = """
        SELECT images.id, coalesce(images.source, 'delivery ' || deliveries.name), licence, width, height, measures_sharpness, measures_jpeg_quality, measures_jpeg_tables,
            measures_subsampling, measures_corner_brightness, measures_dark_corners, measures_dark_sides
        FROM images JOIN deliveries ON deliveries.id = delivery_id
        """;

    /// <summary>Analyses the rows that a dataset is to have.</summary>
    public static async Task<DatasetShortcuts> AnalyseAsync(NpgsqlConnection connection, IReadOnlyList<SnapshotRow> rows, CancellationToken cancellationToken)
    {
        var places = new Dictionary<Guid, int>(rows.Count);
        for (var i = 0; i < rows.Count; i++)
            places[rows[i].ImageId] = i;
        var images = new ShortcutImage[rows.Count];
        await using (var command = new NpgsqlCommand(Properties, connection) { CommandTimeout = 0 })
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                if (places.TryGetValue(reader.GetGuid(0), out var place))
                    images[place] = Map(reader, rows[place]);
            }
        }

        var report = ShortcutAnalysis.Analyse(images);
        return new DatasetShortcuts(JsonFormatter.Default.Format(ToWire(report)), report.Warnings);
    }

    private static ShortcutImage Map(NpgsqlDataReader row, SnapshotRow item)
    {
        var measured = !row.IsDBNull(5);
        return new ShortcutImage(
            item.Label, item.GroupId!.Value, row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetInt32(3), row.GetInt32(4),
            measured ? row.GetFloat(5) : null,
            measured
                ? new ImageProperties(
                    row.IsDBNull(6) ? null : row.GetInt16(6), row.IsDBNull(7) ? null : row.GetInt64(7), (ChromaSubsampling)row.GetInt16(8),
                    row.GetFloat(9), row.GetFloat(10), row.GetFloat(11))
                : null);
    }

    private static V1.ShortcutReport ToWire(ShortcutReport report) => new()
    {
        ClassifierBalancedAccuracy = report.ClassifierBalancedAccuracy,
        ChanceBalancedAccuracy = report.ChanceBalancedAccuracy,
        Properties =
        {
            report.Properties.Select(property => new V1.PropertyShortcut
            {
                Property = property.Name,
                CramersV = property.CramersV,
                StrongestDiagnosis = property.StrongestClass?.ToString() ?? "",
                StrongestCramersV = property.StrongestV,
                Finding = property.Sentence,
            }),
        },
    };
}
