using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>What somebody claims of an image.</summary>
internal sealed record ClaimDocument(string Image, IReadOnlyList<string> Diagnoses, string Rank, string ClaimedBy, DateTimeOffset? ClaimedAt)
{
    public static ClaimDocument From(LabelClaim claim) =>
        new(claim.ImageId, [.. claim.Diagnoses], claim.Rank, claim.ClaimedBy, claim.ClaimedAt?.ToDateTimeOffset());
}
