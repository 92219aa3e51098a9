using Melanoma.Contracts;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Labels;

/// <summary>Says in words who decided a label, where claims of several ranks meet: what the highest of them says, what lower ones leave of it, and what is overruled.</summary>
internal static class LabelDecisions
{
    private const string Claims = """
        SELECT DISTINCT group_id, rank, diagnoses, claimed_by FROM label_claims JOIN images ON images.id = image_id
        WHERE group_id = ANY($1) AND label_state = $2 AND excluded_at IS NULL AND forgotten_at IS NULL
        """;

    /// <summary>The sentences of lesion groups; those have none whose label one rank alone decides, or nobody yet.</summary>
    public static async Task<IReadOnlyDictionary<Guid, string>> ReadAsync(NpgsqlConnection connection, Guid[] groups, CancellationToken cancellationToken)
    {
        var claims = new List<(Guid Group, TableClaim Claim)>();
        await using var command = new NpgsqlCommand(Claims, connection) { Parameters = { new() { Value = groups }, new() { Value = LabelState.Settled.ToColumn() } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            claims.Add((rows.GetGuid(0), new TableClaim(new Claim((ClaimRank)rows.GetInt16(1), new DiagnosisSet(rows.GetInt16(2))), rows.GetString(3))));
        var decisions = new Dictionary<Guid, string>();
        foreach (var group in claims.GroupBy(claim => claim.Group, claim => claim.Claim))
        {
            if (Say([.. group]) is { } decision)
                decisions.Add(group.Key, decision);
        }

        return decisions;
    }

    /// <summary>The sentence about the claims of one lesion; null where none decides over one of another rank.</summary>
    public static string? Say(IReadOnlyCollection<TableClaim> claims)
    {
        if (claims.Select(claim => claim.Claim.Rank).Distinct().Count() < 2 || ClaimResolution.Resolve(claims.Select(claim => claim.Claim)).Label is not { } label)
            return null;

        // What stands has the whole label in common, so a claim was overruled exactly when it names nothing of it.
        var standing = claims.Where(claim => claim.Claim.Diagnoses.Meets(label)).GroupBy(claim => claim.Claim.Rank).OrderByDescending(rank => rank.Key).ToList();
        var left = Common(standing[0]);
        var parts = new List<string> { $"Decided by {Name(standing[0])}" };
        foreach (var rank in standing.Skip(1))
        {
            var common = left.Intersect(Common(rank));
            if (common != left)
                parts.Add($"narrowed down by {Name(rank)}");
            left = common;
        }

        var overruled = claims.Where(claim => !claim.Claim.Diagnoses.Meets(label)).ToList();
        if (overruled.Count > 0)
            parts.Add($"overrules {Name(overruled)}");
        return string.Join("; ", parts) + ".";
    }

    private static DiagnosisSet Common(IEnumerable<TableClaim> claims) => claims.Select(claim => claim.Claim.Diagnoses).Aggregate((a, b) => a.Intersect(b));

    private static string Name(IEnumerable<TableClaim> claims) => string.Join(", ", claims
        .OrderByDescending(claim => claim.Claim.Rank).ThenBy(claim => claim.ClaimedBy, StringComparer.Ordinal).ThenBy(claim => claim.Claim.Diagnoses.Bits)
        .Select(claim => $"{Who(claim)}: {claim.Claim.Diagnoses}").Distinct());

    private static string Who(TableClaim claim) => claim.Claim.Rank switch
    {
        ClaimRank.Histopathology => $"histopathology of {claim.ClaimedBy}",
        ClaimRank.Reviewer => $"reviewer {claim.ClaimedBy}",
        ClaimRank.Clinician => $"clinician {claim.ClaimedBy}",
        _ => claim.ClaimedBy,
    };
}
