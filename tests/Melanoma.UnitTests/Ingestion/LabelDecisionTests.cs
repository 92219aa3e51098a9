using CsCheck;
using Melanoma.Contracts;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;

namespace Melanoma.UnitTests.Ingestion;

public sealed class LabelDecisionTests
{
    private static readonly Gen<TableClaim> GenClaim = Gen.Select(Gen.Enum<ClaimRank>(), Gen.Int[1, 511], Gen.OneOfConst("ada", "a table"))
        .Select((rank, bits, by) => new TableClaim(new Claim(rank, new DiagnosisSet((short)bits)), by));

    [Fact]
    public void Should_name_every_side_once_when_several_ranks_narrow_a_label_down_and_others_are_overruled() => Assert.Equal(
        "Decided by histopathology of HAM10000 metadata: actinic keratosis or squamous cell carcinoma; narrowed down by ISIC 2019 ground truth: actinic keratosis; "
        + "overrules clinician bob: melanoma, folder: nevus.",
        LabelDecisions.Say(
        [
            Of(ClaimRank.Folder, "folder", Diagnosis.Nevus),
            Of(ClaimRank.Folder, "folder", Diagnosis.ActinicKeratosis),
            Of(ClaimRank.Clinician, "bob", Diagnosis.Melanoma),
            Of(ClaimRank.Curated, "ISIC 2019 ground truth", Diagnosis.ActinicKeratosis),
            Of(ClaimRank.Histopathology, "HAM10000 metadata", Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma),
        ]));

    [Fact]
    public void Should_say_something_exactly_when_ranks_meet_and_settle_it_and_overrule_exactly_what_the_label_does_without() =>
        GenClaim.Array[0, 6].Sample(claims =>
        {
            var label = Resolve(claims);
            var said = LabelDecisions.Say(claims);
            Assert.Equal(label is not null && claims.Select(claim => claim.Claim.Rank).Distinct().Count() > 1, said is not null);
            if (said is null)
                return;
            var standing = claims.Where(claim => claim.Claim.Diagnoses.Meets(label!.Value)).ToArray();
            Assert.Equal(label, Resolve(standing));
            Assert.Equal(standing.Length < claims.Length, said.Contains("overrules", StringComparison.Ordinal));
        });

    private static DiagnosisSet? Resolve(TableClaim[] claims) => ClaimResolution.Resolve(claims.Select(claim => claim.Claim)).Label;

    private static TableClaim Of(ClaimRank rank, string by, params Diagnosis[] diagnoses) => new(new Claim(rank, DiagnosisSet.Of(diagnoses)), by);
}
