using CsCheck;
using Melanoma.Contracts;

namespace Melanoma.UnitTests.Contracts;

public sealed class DiagnosisSetTests
{
    private static readonly Gen<DiagnosisSet> AnySet = Gen.Short[0, 511].Select(bits => new DiagnosisSet(bits));

    [Fact]
    public void Should_keep_folder_names_and_order_when_diagnoses_are_listed()
    {
        Assert.Equal(
            ["actinic keratosis", "basal cell carcinoma", "dermatofibroma", "melanoma", "nevus", "pigmented benign keratosis", "seborrheic keratosis", "squamous cell carcinoma", "vascular lesion"],
            Diagnoses.Names);
        Assert.Equal(Diagnoses.Count, Enum.GetValues<Diagnosis>().Length);
        Assert.All(Enum.GetValues<Diagnosis>(), diagnosis =>
        {
            Assert.True(Diagnoses.TryParse($" {Diagnoses.NameOf(diagnosis).ToUpperInvariant()} ", out var parsed));
            Assert.Equal(diagnosis, parsed);
        });
        Assert.False(Diagnoses.TryParse("freckle", out _));
    }

    [Fact]
    public void Should_be_the_set_of_its_members_when_built_from_them() =>
        AnySet.Sample(set => DiagnosisSet.Of([.. set.Members]) == set && set.Members.Count() == set.Count && set.IsEmpty == (set.Count == 0));

    [Fact]
    public void Should_meet_when_and_only_when_the_intersection_has_members() =>
        Gen.Select(AnySet, AnySet).Sample((left, right) =>
            left.Meets(right) == !left.Intersect(right).IsEmpty
            && left.Intersect(right) == right.Intersect(left)
            && left.Intersect(right).Members.All(diagnosis => left.Contains(diagnosis) && right.Contains(diagnosis)));

    [Fact]
    public void Should_name_its_only_member_when_single_and_refuse_otherwise() =>
        AnySet.Sample(set =>
        {
            if (set.Count == 1)
            {
                Assert.Equal(set.Members.First(), set.Sole);
            }
            else
            {
                Assert.Throws<InvalidOperationException>(() => set.Sole);
            }
        });
}
