using System.Security.Cryptography;
using Google.Protobuf;
using Melanoma.Imaging;
using Melanoma.Ingestion.Shortcuts;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Datasets;

/// <summary>
/// What the shortcuts of a dataset are found from: its content, and what is no medicine of each image. Reading it is cheap; finding them is not, needs no
/// database, and comes to the same as long as the hash of the evidence is the same.
/// </summary>
internal sealed class ShortcutEvidence
{
    /// <summary>To be raised when the same evidence comes to something else, so that datasets are not taken for up to date.</summary>
    private const int AnalysisVersion = 1;

    // A picture of which no table says where it comes from comes from its delivery.
    private const string Properties = """
        SELECT images.id, coalesce(images.source, 'delivery ' || deliveries.name), licence, width, height, measures_sharpness, measures_jpeg_quality, measures_jpeg_tables,
            measures_subsampling, measures_corner_brightness, measures_dark_corners, measures_dark_sides
        FROM images JOIN deliveries ON deliveries.id = delivery_id
        """;

    private readonly ShortcutImage[] _images;
    private readonly string[]? _licences;

    private ShortcutEvidence(ShortcutImage[] images, string[]? licences, byte[] contentHash)
    {
        _images = images;
        _licences = licences;
        Hash = ComputeHash(images, licences, contentHash);
    }

    /// <summary>SHA-256 over all of it. It holds within one database, whose ids of groups are part of it.</summary>
    public byte[] Hash { get; }

    public int Images => _images.Length;

    /// <summary>Reads what is known of the rows that a dataset of images is to have.</summary>
    public static async Task<ShortcutEvidence> ReadAsync(
        NpgsqlConnection connection, SnapshotContent content, byte[] contentHash, CancellationToken cancellationToken)
    {
        var rows = content.Rows;
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

        return new ShortcutEvidence(images, content.Licences, contentHash);
    }

    /// <summary>Finds how far the classes can be told from what is no medicine.</summary>
    public DatasetFacts Analyse()
    {
        var report = ShortcutAnalysis.Analyse(_images);
        return DatasetFacts.Of(_licences, JsonFormatter.Default.Format(ToWire(report)), report.Warnings, Hash);
    }

    private static byte[] ComputeHash(ShortcutImage[] images, string[]? licences, byte[] contentHash)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer);
        writer.Write(AnalysisVersion);
        writer.Write(contentHash);
        writer.Write(licences?.Length ?? -1);
        foreach (var licence in licences ?? [])
            writer.Write(licence);
        foreach (var image in images)
        {
            Write(writer, image);
            hash.AppendData(buffer.GetBuffer(), 0, (int)buffer.Length);
            buffer.SetLength(0);
        }

        return hash.GetHashAndReset();
    }

    private static void Write(BinaryWriter writer, in ShortcutImage image)
    {
        writer.Write(image.Group.ToByteArray());
        writer.Write(image.Source is not null);
        writer.Write(image.Source ?? "");
        writer.Write(image.Licence is not null);
        writer.Write(image.Licence ?? "");
        writer.Write(image.Width);
        writer.Write(image.Height);
        writer.Write(image.Sharpness ?? double.NaN);
        writer.Write(image.Properties is not null);
        if (image.Properties is not { } properties)
            return;
        writer.Write(properties.JpegQuality ?? -1);
        writer.Write(properties.JpegTables is not null);
        writer.Write(properties.JpegTables ?? 0);
        writer.Write((int)properties.Subsampling);
        writer.Write(properties.CornerBrightness);
        writer.Write(properties.DarkCorners);
        writer.Write(properties.DarkSides);
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
