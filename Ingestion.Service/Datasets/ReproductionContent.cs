using Melanoma.Contracts;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The rows of a reproduction: delivered files with their folder labels, split as the original notebook did.</summary>
internal static class ReproductionContent
{
    private const string Files = """
        SELECT delivery_files.id, path, folder_diagnosis, folder_split, images.id, sha256, forgotten_at IS NOT NULL
        FROM delivery_files JOIN images ON images.id = image_id
        WHERE folder_diagnosis IS NOT NULL AND folder_split IS NOT NULL ORDER BY delivery_files.id
        """;

    private static readonly string[] Rules =
    [
        "A row is a delivered file below Train/CLASS or Test/CLASS with the label of its folder, whatever other claims say; a picture in two folders is two rows.",
        "A file of the same folder, name and bytes counts once, however often it was delivered; rows are in the order of their paths from Train or Test on.",
        "Files below Test are test. Of the n files below Train, floor(0.2 n) are validation: the first by SHA-256 of \"123\" and the path from Train on (UTF-8). The rest is train.",
        "This is the original notebook's way, kept for comparison: copies and lesions cross the splits, so the figures say nothing about new patients, and its models are never promoted.",
    ];

    /// <summary>Reads the delivered files under the catalogue's lock.</summary>
    public static async Task<SnapshotContent> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var files = new Dictionary<(string Path, Guid Image), (SnapshotRow Row, string Path)>();
        var forgotten = new HashSet<(string Path, Guid Image)>();
        await using (var command = new NpgsqlCommand(Files, connection) { CommandTimeout = 0 })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var diagnosis = (Diagnosis)rows.GetInt16(2);
                var split = EnumText.FromColumn<Split>(rows.GetString(3));
                var path = FolderPath(rows.GetString(1), split, diagnosis);
                var row = new SnapshotRow(rows.GetGuid(4), rows.GetFieldValue<byte[]>(5), DiagnosisSet.Of(diagnosis), split, null, rows.GetInt64(0));
                if (rows.GetBoolean(6))
                    forgotten.Add((path, row.ImageId));
                else
                    files.TryAdd((path, row.ImageId), (row, path));
            }
        }

        var train = files.Values.Where(file => file.Row.Split == Split.Train).ToList();
        var validation = train
            .OrderBy(file => SplitDraw.ReproductionOrder(file.Path), StringComparer.Ordinal).ThenBy(file => Convert.ToHexString(file.Row.Sha256), StringComparer.Ordinal)
            .Take(SplitDraw.ReproductionValidation(train.Count))
            .Select(file => file.Row.DeliveryFileId).ToHashSet();
        var content = files.Values
            .OrderBy(file => file.Path, StringComparer.Ordinal).ThenBy(file => Convert.ToHexString(file.Row.Sha256), StringComparer.Ordinal)
            .Select(file => validation.Contains(file.Row.DeliveryFileId) ? file.Row with { Split = Split.Validation } : file.Row);
        return new SnapshotContent(DatasetKind.Reproduction, [.. content], Parked: 0, [.. Rules, SayForgotten(forgotten.Count)])
        {
            LeftOut = LeftOut.ForgottenToJson(forgotten.Count),
        };
    }

    // Nothing of them is left to train on: with them no reproduction could be trained ever again.
    private static string SayForgotten(int files) => $"Left out: {files} files of images that were forgotten.";

    /// <summary>The path from Train or Test on, with the names as the product spells them.</summary>
    internal static string FolderPath(string path, Split split, Diagnosis diagnosis)
    {
        var segments = path.Split('/');
        var root = Array.FindLastIndex(segments, segments.Length - 2, segment => string.Equals(segment, split.ToColumn(), StringComparison.OrdinalIgnoreCase));
        return string.Join('/', [split.ToString(), Diagnoses.NameOf(diagnosis), .. segments[(root + 2)..]]);
    }
}
