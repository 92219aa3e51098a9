using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;

namespace Melanoma.UnitTests.Contracts;

public sealed class DiagnosisRuleTests
{
    private static readonly double[] Uniform = [.. Enumerable.Repeat(1.0 / Diagnoses.Count, Diagnoses.Count)];

    [Fact]
    public void Should_name_the_rare_diagnosis_when_it_stands_out_from_its_prior()
    {
        double[] probabilities = [0, 0, 0, 0.3, 0.6, 0.05, 0.05, 0, 0];
        double[] prior = [0.05, 0.1, 0.01, 0.1, 0.6, 0.06, 0.04, 0.02, 0.02];

        Assert.Equal(Diagnosis.Melanoma, DiagnosisRule.Decide(probabilities, prior, DiagnosisSet.Empty));
        Assert.Equal(Diagnosis.Nevus, DiagnosisRule.Decide(probabilities, Uniform, DiagnosisSet.Empty));
    }

    [Fact]
    public void Should_never_name_an_unsupported_diagnosis_when_its_prior_is_zero()
    {
        double[] probabilities = [0.9, 0.1, 0, 0, 0, 0, 0, 0, 0];
        double[] prior = [0, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2];

        Assert.Equal(Diagnosis.BasalCellCarcinoma, DiagnosisRule.Decide(probabilities, prior, DiagnosisSet.Of(Diagnosis.ActinicKeratosis)));
    }

    [Fact]
    public void Should_decide_the_same_when_probabilities_differ_behind_the_fourth_digit()
    {
        double[] one = [0.29996, 0.30004, 0.4 - 0.3, 0.1, 0.1, 0.05, 0.05, 0, 0];
        double[] other = [0.30004, 0.29996, 0.4 - 0.3, 0.1, 0.1, 0.05, 0.05, 0, 0];

        Assert.Equal(DiagnosisRule.Decide(one, Uniform, DiagnosisSet.Empty), DiagnosisRule.Decide(other, Uniform, DiagnosisSet.Empty));
    }

    [Fact]
    public void Should_name_the_largest_supported_probability_when_the_prior_is_uniform() =>
        Gen.Select(Gen.Double[0, 1].Array[Diagnoses.Count], Gen.Short[0, 510]).Sample((weights, bits) =>
        {
            var unsupported = new DiagnosisSet(bits);
            var probabilities = weights.Select(weight => weight / weights.Sum()).ToArray();
            var decided = DiagnosisRule.Decide(probabilities, Uniform, unsupported);
            var largest = Enumerable.Range(0, Diagnoses.Count).Where(index => !unsupported.Contains((Diagnosis)index)).Max(index => probabilities[index]);
            return !unsupported.Contains(decided) && probabilities[(int)decided] > largest - 1e-4;
        });

    [Fact]
    public void Should_name_the_first_when_two_are_equal_after_rounding()
    {
        double[] probabilities = [0, 0, 0, 0.20008, 0.20014, 0.1, 0.1, 0.1, 0.2];
        Assert.Equal(Diagnosis.Melanoma, DiagnosisRule.Decide(probabilities, Uniform, DiagnosisSet.Empty));
    }

    [Fact]
    public void Should_average_recall_over_classes_with_images_when_some_have_none() =>
        Assert.Equal(0.75, DiagnosisRule.BalancedAccuracy([1, 0, 90], [2, 0, 90]));
}
