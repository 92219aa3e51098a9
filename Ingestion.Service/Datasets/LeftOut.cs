using System.Text.Json;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Images of the catalogue that a dataset does not have, each counted once, for the first reason that holds.</summary>
internal sealed record LeftOut(int Forgotten, int Excluded, int Conflicts, int Unlabelled, int OtherLicence)
{
    private const string ForgottenReason = "forgotten";

    private const string Count = """
        SELECT count(*) FILTER (WHERE reason = 'forgotten')::int, count(*) FILTER (WHERE reason = 'excluded')::int,
            count(*) FILTER (WHERE reason = 'conflict')::int, count(*) FILTER (WHERE reason = 'unlabelled')::int,
            count(*) FILTER (WHERE reason = 'settled' AND coalesce(licence, 'unknown') <> ALL($1))::int
        FROM (
            SELECT licence, CASE WHEN forgotten_at IS NOT NULL THEN 'forgotten' WHEN excluded_at IS NOT NULL THEN 'excluded' ELSE label_state END AS reason
            FROM images) AS image
        """;

    // A JSON object of the database keeps no order.
    private static readonly string[] Order = ["conflict", "unlabelled", "excluded", ForgottenReason, "licence"];

    public static async Task<LeftOut> CountAsync(NpgsqlConnection connection, string[]? licences, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Count, connection) { CommandTimeout = 0, Parameters = { HonestContent.LicencesParameter(licences) } };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new LeftOut(row.GetInt32(0), row.GetInt32(1), row.GetInt32(2), row.GetInt32(3), row.GetInt32(4));
    }

    /// <summary>The rule in a sentence.</summary>
    public string Say(string[]? licences) =>
        $"Left out: {Conflicts} images whose claims contradict each other, {Unlabelled} images without a claim, {Excluded} images that a reviewer excluded, "
        + (licences is null
            ? $"and {Forgotten} images that were forgotten."
            : $"{Forgotten} images that were forgotten, and {OtherLicence} images under another licence.");

    /// <summary>The counts by reason, as they are stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        Order.Zip([Conflicts, Unlabelled, Excluded, Forgotten, OtherLicence]).ToDictionary(pair => pair.First, pair => pair.Second));

    /// <summary>The same of a reproduction, which leaves out nothing but files of forgotten images.</summary>
    public static string ForgottenToJson(int files) => JsonSerializer.Serialize(new Dictionary<string, int> { [ForgottenReason] = files });

    /// <summary>Counts by reason as they were stored, in the order in which people are told.</summary>
    public static IEnumerable<(string Reason, int Count)> FromJson(string json)
    {
        var counts = JsonSerializer.Deserialize<Dictionary<string, int>>(json)!;
        return Order.Where(counts.ContainsKey).Concat(counts.Keys.Except(Order)).Select(reason => (reason, counts[reason]));
    }
}
