using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Images of the catalogue that an honest dataset does not have, each counted once, for the first reason that holds.</summary>
internal sealed record LeftOut(int Forgotten, int Excluded, int Conflicts, int Unlabelled, int OtherLicence)
{
    private const string Count = """
        SELECT count(*) FILTER (WHERE reason = 'forgotten')::int, count(*) FILTER (WHERE reason = 'excluded')::int,
            count(*) FILTER (WHERE reason = 'conflict')::int, count(*) FILTER (WHERE reason = 'unlabelled')::int,
            count(*) FILTER (WHERE reason = 'settled' AND coalesce(licence, 'unknown') <> ALL($1))::int
        FROM (
            SELECT licence, CASE WHEN forgotten_at IS NOT NULL THEN 'forgotten' WHEN excluded_at IS NOT NULL THEN 'excluded' ELSE label_state END AS reason
            FROM images) AS image
        """;

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
}
