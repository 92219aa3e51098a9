using Melanoma.Contracts;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The rows of an honest dataset: images with settled labels, a lesion group in one split for ever.</summary>
internal static class HonestContent
{
    /// <summary>What an image must be to be a row. $1: the only licences to take, or null for any.</summary>
    public const string Taken =
        "label_state = 'settled' AND excluded_at IS NULL AND forgotten_at IS NULL AND ($1 IS NULL OR coalesce(licence, 'unknown') = ANY($1))";

    public const string RowRule = "A row is an image with a settled label; rows are in the order of the images' SHA-256.";

    public const string LabelRule =
        "Labels are resolved from all claims, rank by rank (reviewer, histopathology, curated tables, clinicians, folders); a lower rank may refine a higher one, never overturn it.";

    private const string Images = $"""
        SELECT images.id, sha256, label, split, group_id FROM images JOIN lesion_groups ON lesion_groups.id = group_id WHERE {Taken} ORDER BY sha256
        """;

    /// <summary>Reads the catalogue under its lock and draws the split of each group that has none yet.</summary>
    /// <param name="connection">The connection whose transaction holds the lock.</param>
    /// <param name="licences">The only licences to take, as the catalogue spells them; null for any.</param>
    /// <param name="cancellationToken">Breaks the transaction.</param>
    public static async Task<SnapshotContent> ReadAsync(NpgsqlConnection connection, string[]? licences, CancellationToken cancellationToken)
    {
        await GroupSplits.DrawAsync(connection, licences, cancellationToken);
        var content = new List<SnapshotRow>();
        var coarse = 0;
        await using (var command = new NpgsqlCommand(Images, connection) { CommandTimeout = 0, Parameters = { LicencesParameter(licences) } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var label = new DiagnosisSet(rows.GetInt16(2));
                content.Add(new SnapshotRow(
                    rows.GetGuid(0), rows.GetFieldValue<byte[]>(1), label, EnumText.FromColumn<Split>(rows.GetString(3)), rows.GetGuid(4), null));
                coarse += label.Count > 1 ? 1 : 0;
            }
        }

        var leftOut = await LeftOut.CountAsync(connection, licences, cancellationToken);
        var leaks = await TestFolderLeaks.CountAsync(connection, deliveryId: null, cancellationToken);
        return new SnapshotContent(DatasetKind.Honest, content, leftOut.Conflicts, [.. Rules(licences, leftOut, leaks, coarse)])
        {
            Licences = licences,
            LeftOut = leftOut.ToJson(),
        };
    }

    /// <summary>The parameter of <see cref="Taken"/>.</summary>
    public static NpgsqlParameter LicencesParameter(string[]? licences) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = (object?)licences ?? DBNull.Value };

    private static IEnumerable<string> Rules(string[]? licences, LeftOut leftOut, TestFolderLeaks leaks, int coarse)
    {
        yield return RowRule;
        yield return LabelRule;
        yield return "Images with the same bytes, the same ISIC id or the same lesion id of a table, near-duplicates, and whatever that joins, are one lesion group; a group is in one split for ever.";
        yield return "A group of which a file was delivered in a Test folder is test.";
        yield return "Any other group was drawn when it first entered a dataset: SHA-256 of the 32 bytes of its smallest image SHA-256, as a big-endian number, mod 100; below 70 train, below 85 validation, else test.";
        if (licences is not null)
            yield return LicenceChoice.Say(licences);
        yield return leftOut.Say(licences);
        if (leaks.Images > 0)
            yield return leaks.Say();
        if (coarse > 0)
            yield return $"The label of {coarse} images is a set of several diagnoses; they count in their split, and in no single class.";
    }
}
