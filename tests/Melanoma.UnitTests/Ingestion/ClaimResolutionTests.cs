using CsCheck;
using Melanoma.Contracts;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage.Catalogue;

namespace Melanoma.UnitTests.Ingestion;

public sealed class ClaimResolutionTests
{
    private static readonly Gen<DiagnosisSet> GenSet = Gen.Int[1, 511].Select(bits => new DiagnosisSet((short)bits));
    private static readonly Gen<Claim> GenClaim = Gen.Select(Gen.Enum<ClaimRank>(), GenSet, (rank, set) => new Claim(rank, set));

    [Fact]
    public void Should_refine_metadata_by_a_folder_when_another_folder_is_overruled() =>
        AssertSettled(Diagnosis.ActinicKeratosis,
            Of(ClaimRank.Curated, Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma),
            Of(ClaimRank.Folder, Diagnosis.ActinicKeratosis),
            Of(ClaimRank.Folder, Diagnosis.Nevus));

    [Fact]
    public void Should_take_metadata_when_the_folder_says_otherwise() =>
        AssertSettled(Diagnosis.Melanoma, Of(ClaimRank.Curated, Diagnosis.Melanoma), Of(ClaimRank.Folder, Diagnosis.Nevus));

    [Fact]
    public void Should_be_in_conflict_when_two_folders_contradict_each_other() =>
        Assert.Equal(LabelState.Conflict, ClaimResolution.Resolve([Of(ClaimRank.Folder, Diagnosis.Melanoma), Of(ClaimRank.Folder, Diagnosis.SeborrheicKeratosis)]).State);

    [Fact]
    public void Should_be_in_conflict_when_two_claims_share_only_an_overruled_diagnosis() =>
        Assert.Equal(LabelState.Conflict, ClaimResolution.Resolve(
        [
            Of(ClaimRank.Reviewer, Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma),
            Of(ClaimRank.Folder, Diagnosis.ActinicKeratosis, Diagnosis.Nevus),
            Of(ClaimRank.Folder, Diagnosis.SquamousCellCarcinoma, Diagnosis.Nevus),
        ]).State);

    [Fact]
    public void Should_be_unlabelled_when_nobody_claims_anything() => Assert.Equal(new Resolution(LabelState.Unlabelled, null), ClaimResolution.Resolve([]));

    [Fact]
    public void Should_not_depend_on_order_or_repetition_when_claims_are_any() =>
        Gen.Select(GenClaim.Array[0, 6], Gen.Int[0, 1000]).Sample((claims, seed) =>
        {
            var mixed = claims.Concat(claims).ToArray();
            new Random(seed).Shuffle(mixed);
            return ClaimResolution.Resolve(mixed) == ClaimResolution.Resolve(claims);
        });

    [Fact]
    public void Should_stay_within_the_highest_rank_when_settled() =>
        GenClaim.Array[1, 6].Sample(claims =>
        {
            var resolution = ClaimResolution.Resolve(claims);
            var highest = claims.Max(claim => claim.Rank);
            var agreed = claims.Where(claim => claim.Rank == highest).Select(claim => claim.Diagnoses).Aggregate((a, b) => a.Intersect(b));
            return resolution.Label is { } label
                ? resolution.State == LabelState.Settled && !label.IsEmpty && label.Intersect(agreed) == label
                : resolution.State == LabelState.Conflict;
        });

    [Fact]
    public void Should_only_refine_or_dispute_when_a_claim_of_the_lowest_rank_is_added() =>
        Gen.Select(GenClaim.Where(claim => claim.Rank > ClaimRank.Folder).Array[1, 5], GenSet).Sample((claims, set) =>
        {
            var before = ClaimResolution.Resolve(claims);
            var after = ClaimResolution.Resolve([.. claims, new Claim(ClaimRank.Folder, set)]);
            // One claim alone cannot dispute: it meets what is left, or is overruled.
            return before.Label is { } left ? after.Label == (set.Meets(left) ? set.Intersect(left) : left) : after == before;
        });

    [Fact]
    public void Should_name_what_is_contested_without_what_is_overruled_when_in_conflict()
    {
        var contested = ClaimResolution.Resolve(
        [
            Of(ClaimRank.Curated, Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion),
            Of(ClaimRank.Folder, Diagnosis.Melanoma),
            Of(ClaimRank.Folder, Diagnosis.Nevus, Diagnosis.Dermatofibroma),
            Of(ClaimRank.Folder, Diagnosis.SeborrheicKeratosis),
        ]).Contested;

        Assert.Equal(DiagnosisSet.Of(Diagnosis.Melanoma, Diagnosis.Nevus), contested);
    }

    private static Claim Of(ClaimRank rank, params Diagnosis[] diagnoses) => new(rank, DiagnosisSet.Of(diagnoses));

    private static void AssertSettled(Diagnosis expected, params Claim[] claims) =>
        Assert.Equal(new Resolution(LabelState.Settled, DiagnosisSet.Of(expected)), ClaimResolution.Resolve(claims));
}
