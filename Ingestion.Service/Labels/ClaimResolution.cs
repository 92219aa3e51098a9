using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Labels;

/// <summary>What is claimed of an image, as far as its resolution needs it.</summary>
internal readonly record struct Claim(ClaimRank Rank, DiagnosisSet Diagnoses);

/// <summary>What the claims of an image come to; a label exactly when they are settled.</summary>
internal readonly record struct Resolution(LabelState State, DiagnosisSet? Label)
{
    /// <summary>The diagnoses that the claims name which contradict each other, overruled ones left out; empty unless in conflict.</summary>
    public DiagnosisSet Contested { get; init; }
}

/// <summary>Turns the claims of one image into its label. A pure function: neither order nor repetition of the claims matters.</summary>
internal static class ClaimResolution
{
    /// <summary>
    /// Walks the ranks from high to low. At each rank the claims that do not meet what the higher ranks left are overruled;
    /// the others narrow it down (a lower rank may refine), or contradict each other, which is a conflict.
    /// </summary>
    public static Resolution Resolve(IEnumerable<Claim> claims)
    {
        DiagnosisSet? left = null;
        foreach (var rank in claims.GroupBy(claim => claim.Rank).OrderByDescending(rank => rank.Key))
        {
            var standing = rank.Select(claim => claim.Diagnoses)
                .Where(diagnoses => left is not { } higher || diagnoses.Meets(higher))
                .ToList();
            if (standing.Count == 0)
                continue;

            // Beginning with what is left: two claims that share only an overruled diagnosis contradict each other.
            var common = standing.Aggregate(left ?? standing[0], (a, b) => a.Intersect(b));
            if (common.IsEmpty)
            {
                var named = DiagnosisSet.Of([.. standing.SelectMany(diagnoses => diagnoses.Members)]);
                return new Resolution(LabelState.Conflict, null) { Contested = left is { } higher ? named.Intersect(higher) : named };
            }

            left = common;
        }

        return left is { } label ? new Resolution(LabelState.Settled, label) : new Resolution(LabelState.Unlabelled, null);
    }
}
