using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The rows of a cross-validation: every image with a settled label, whatever its split in honest datasets; a lesion group is in one fold.</summary>
internal static class CrossValidationContent
{
    private const string Images = $"""
        SELECT id, sha256, label, group_id, ARRAY(SELECT isic_id::text FROM image_isic_ids WHERE image_id = images.id ORDER BY isic_id)
        FROM images WHERE {HonestContent.Taken} ORDER BY sha256
        """;

    /// <summary>Reads the catalogue under its lock; no group's split is drawn or looked at.</summary>
    /// <param name="connection">The connection whose transaction holds the lock.</param>
    /// <param name="licences">The only licences to take, as the catalogue spells them; null for any.</param>
    /// <param name="draw">Who is in which fold.</param>
    /// <param name="cancellationToken">Breaks the transaction.</param>
    public static async Task<SnapshotContent> ReadAsync(NpgsqlConnection connection, string[]? licences, FoldDraw draw, CancellationToken cancellationToken)
    {
        var images = new List<(SnapshotRow Row, string[] IsicIds)>();
        await using (var command = new NpgsqlCommand(Images, connection) { CommandTimeout = 0, Parameters = { HonestContent.LicencesParameter(licences) } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var row = new SnapshotRow(
                    rows.GetGuid(0), rows.GetFieldValue<byte[]>(1), new DiagnosisSet(rows.GetInt16(2)), Split.Train, rows.GetGuid(3), DeliveryFileId: null);
                images.Add((row, rows.GetFieldValue<string[]>(4)));
            }
        }

        var (folds, divided) = (new Dictionary<Guid, int>(), 0);
        foreach (var group in images.GroupBy(image => image.Row.GroupId!.Value))
        {
            folds[group.Key] = draw.OfGroup([.. group.Select(image => (image.Row.Sha256, image.IsicIds))], out var disagrees);
            divided += disagrees ? 1 : 0;
        }

        var leftOut = await LeftOut.CountAsync(connection, licences, cancellationToken);
        var content = images.ConvertAll(image => image.Row with { Fold = folds[image.Row.GroupId!.Value] });
        return new SnapshotContent(DatasetKind.CrossValidation, content, leftOut.Conflicts, [.. Rules(licences, leftOut, draw, divided)])
        {
            Licences = licences,
            LeftOut = leftOut.ToJson(),
            Folds = draw.Folds,
        };
    }

    private static IEnumerable<string> Rules(string[]? licences, LeftOut leftOut, FoldDraw draw, int divided)
    {
        yield return HonestContent.RowRule;
        yield return HonestContent.LabelRule;
        yield return $"Every row is in one of {draw.Folds} folds, test lesions of honest datasets too: each fold is held out once, by a network that the others trained. It yields figures, never a model.";
        yield return "Images with the same bytes, the same ISIC id or the same lesion id of a table, near-duplicates, and whatever that joins, are one lesion group; a group is in one fold.";
        if (draw.Table.Count > 0)
            yield return $"A table gave {draw.Table.Count} ISIC ids a fold; a group is in the one that most of its images were given, the lowest of equals. {divided} groups were given several.";
        yield return $"{(draw.Table.Count > 0 ? "Any other group" : "A group")} was drawn: SHA-256 of the 32 bytes of its smallest image SHA-256, as a big-endian number, mod {draw.Folds}.";
        if (licences is not null)
            yield return LicenceChoice.Say(licences);
        yield return leftOut.Say(licences);
    }
}
