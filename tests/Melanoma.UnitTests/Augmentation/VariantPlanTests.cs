using CsCheck;
using Melanoma.Augmentation.Policies;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;

namespace Melanoma.UnitTests.Augmentation;

public sealed class VariantPlanTests
{
    private static readonly DiagnosisSet[] Labels =
        [DiagnosisSet.Of(Diagnosis.Nevus), DiagnosisSet.Of(Diagnosis.Melanoma), DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma)];

    private static readonly Gen<List<Parent>> Parents =
        Gen.Int[0, 2].List[0, 40].Select(labels => labels.Select((label, row) => new Parent(row, Guid.Empty, Split.Train, Labels[label])).ToList());

    [Fact]
    public void Should_make_the_same_number_for_each_diagnosis_when_it_has_parents() =>
        Gen.Select(Parents, Gen.Int[0, 30], Gen.Int).Sample((parents, each, seed) =>
        {
            var plan = new VariantPlan(DatasetKind.Honest, "augmentor", each, seed, parents);
            var fine = parents.Where(parent => parent.Label.Count == 1).Select(parent => parent.Label.Sole).Distinct().Order().ToArray();
            var made = Variants(plan);

            Assert.Equal(fine.Length * each, plan.Count);
            Assert.Equal(fine.SelectMany(diagnosis => Enumerable.Repeat(diagnosis, each)), made.Select(variant => variant.Parent.Label.Sole));
            Assert.All(made, variant => Assert.Equal(parents[variant.Parent.Ordinal], variant.Parent));
            Assert.All(made, variant => Assert.Equal(Split.Train, variant.Split));
        });

    [Fact]
    public void Should_split_off_exactly_a_fifth_rounded_down_when_the_dataset_is_a_reproduction() =>
        Gen.Select(Parents, Gen.Int[0, 30], Gen.Int).Sample((parents, each, seed) =>
        {
            var plan = new VariantPlan(DatasetKind.Reproduction, "augmentor", each, seed, parents);
            Assert.Equal(plan.Count / 5, Variants(plan).Count(variant => variant.Split == Split.Validation));
        });

    [Fact]
    public void Should_depend_on_the_seed_when_all_else_is_equal()
    {
        var parents = Enumerable.Range(0, 50).Select(row => new Parent(row, Guid.Empty, Split.Train, Labels[row % 2])).ToList();
        Assert.Equal(Variants(Plan(1)), Variants(Plan(1)));
        Assert.NotEqual(Variants(Plan(1)), Variants(Plan(2)));

        VariantPlan Plan(int seed) => new(DatasetKind.Reproduction, "augmentor", 100, seed, parents);
    }

    [Fact]
    public void Should_draw_with_replacement_when_there_are_fewer_parents_than_samples()
    {
        var parents = Enumerable.Range(0, 10).Select(row => new Parent(row, Guid.Empty, Split.Train, Labels[0])).ToList();
        var drawn = Variants(new VariantPlan(DatasetKind.Honest, "augmentor", 1000, 1, parents)).CountBy(variant => variant.Parent.Ordinal).ToArray();

        Assert.Equal(10, drawn.Length);
        Assert.All(drawn, parent => Assert.InRange(parent.Value, 50, 150));
    }

    [Theory]
    [InlineData(DatasetKind.Honest, Split.Train, true)]
    [InlineData(DatasetKind.Honest, Split.Validation, false)]
    [InlineData(DatasetKind.Honest, Split.Test, false)]
    [InlineData(DatasetKind.Reproduction, Split.Train, true)]
    [InlineData(DatasetKind.Reproduction, Split.Validation, true)]
    [InlineData(DatasetKind.Reproduction, Split.Test, false)]
    public void Should_say_what_may_be_a_parent_when_asked_for_a_split(DatasetKind kind, Split split, bool may) =>
        Assert.Equal(may, VariantPlan.MayBeParent(kind, split));

    private static PlannedVariant[] Variants(VariantPlan plan) => [.. Enumerable.Range(0, plan.Count).Select(ordinal => plan[ordinal])];
}
