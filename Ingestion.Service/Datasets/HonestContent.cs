using Melanoma.Contracts;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The rows of an honest dataset: images with settled labels, a lesion group in one split for ever.</summary>
internal static class HonestContent
{
    private const string Images = """
        SELECT images.id, sha256, label, group_id, split, delivered_as_test
        FROM images JOIN lesion_groups ON lesion_groups.id = group_id WHERE label_state = 'settled' ORDER BY sha256
        """;

    // All images of the group, also those that the dataset leaves out: a label settled later must not change the draw.
    private const string SmallestHashes = "SELECT DISTINCT ON (group_id) group_id, sha256 FROM images WHERE group_id = ANY($1) ORDER BY group_id, sha256";

    private const string KeepSplits =
        "UPDATE lesion_groups SET split = draw.split FROM unnest($1::uuid[], $2::text[]) AS draw (id, split) WHERE lesion_groups.id = draw.id";

    /// <summary>Reads the catalogue under its lock and draws the split of each group that has none yet.</summary>
    public static async Task<SnapshotContent> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var images = new List<(Guid Id, byte[] Sha256, DiagnosisSet Label, Guid Group)>();
        var splits = new Dictionary<Guid, Split>();
        var undrawn = new HashSet<Guid>();
        var drawn = new Dictionary<Guid, Split>();
        await using (var command = new NpgsqlCommand(Images, connection) { CommandTimeout = 0 })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var group = rows.GetGuid(3);
                images.Add((rows.GetGuid(0), rows.GetFieldValue<byte[]>(1), new DiagnosisSet(rows.GetInt16(2)), group));
                if (!rows.IsDBNull(4))
                    splits[group] = EnumText.FromColumn<Split>(rows.GetString(4));
                else if (rows.GetBoolean(5))
                    drawn[group] = Split.Test;
                else
                    undrawn.Add(group);
            }
        }

        await DrawAsync(connection, undrawn, drawn, cancellationToken);
        var parked = await CountAsync(connection, LabelState.Conflict, cancellationToken);
        var unlabelled = await CountAsync(connection, LabelState.Unlabelled, cancellationToken);
        var content = images.Select(image => new SnapshotRow(
            image.Id, image.Sha256, image.Label, splits.TryGetValue(image.Group, out var split) ? split : drawn[image.Group], image.Group, null));
        var result = new SnapshotContent(DatasetKind.Honest, [.. content], parked, [.. Rules(parked, unlabelled, images.Count(image => image.Label.Count > 1))]);
        return result;
    }

    private static async Task DrawAsync(NpgsqlConnection connection, HashSet<Guid> undrawn, Dictionary<Guid, Split> drawn, CancellationToken cancellationToken)
    {
        if (undrawn.Count > 0)
        {
            await using var command = new NpgsqlCommand(SmallestHashes, connection) { CommandTimeout = 0, Parameters = { new() { Value = undrawn.ToArray() } } };
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
                drawn.Add(rows.GetGuid(0), SplitDraw.OfGroup(rows.GetFieldValue<byte[]>(1)));
        }

        if (drawn.Count == 0)
            return;
        await using var keep = new NpgsqlCommand(KeepSplits, connection)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = drawn.Keys.ToArray() }, new() { Value = drawn.Values.Select(split => split.ToColumn()).ToArray() } },
        };
        await keep.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<int> CountAsync(NpgsqlConnection connection, LabelState state, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT count(*)::int FROM images WHERE label_state = $1", connection)
        {
            Parameters = { new() { Value = state.ToColumn() } },
        };
        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static IEnumerable<string> Rules(int parked, int unlabelled, int coarse)
    {
        yield return "A row is an image with a settled label; rows are in the order of the images' SHA-256.";
        yield return "Labels are resolved from all claims, rank by rank (reviewer, histopathology, curated tables, clinicians, folders); a lower rank may refine a higher one, never overturn it.";
        yield return "Images with the same bytes or the same ISIC id, and whatever that joins, are one lesion group; a group is in one split for ever.";
        yield return "A group of which a file was delivered in a Test folder is test.";
        yield return "Any other group was drawn when it first entered a dataset: SHA-256 of the 32 bytes of its smallest image SHA-256, as a big-endian number, mod 100; below 70 train, below 85 validation, else test.";
        yield return $"Left out: {parked} images whose claims contradict each other, and {unlabelled} images without a claim.";
        if (coarse > 0)
            yield return $"The label of {coarse} images is a set of several diagnoses; they count in their split, and in no single class.";
    }
}
