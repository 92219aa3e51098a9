using Melanoma.Contracts.Models;
using Melanoma.Training.Artefacts;

namespace Melanoma.UnitTests.Training;

/// <summary>Which file of a version answers.</summary>
public sealed class ArtefactRuleTests
{
    [Theory]
    [InlineData(6.0, 0.800, 0.900, 0.95, 0.50, "int8 answers: it is 1.67 times as fast as fp32")]
    [InlineData(6.0, 0.796, 0.896, 0.946, 0.481, "int8 answers: it is 1.67 times as fast as fp32")]
    [InlineData(9.5, 0.800, 0.900, 0.95, 0.50, "fp32 answers. int8 does not: it is 1.05 times as fast as fp32 on one thread of the CPU, less than 1.1 times.")]
    [InlineData(6.0, 0.794, 0.900, 0.95, 0.50, "fp32 answers. int8 does not: on validation it loses more than is let through in balanced accuracy 0.7940 against 0.8000.")]
    [InlineData(6.0, 0.800, 0.894, 0.95, 0.50, "fp32 answers. int8 does not: on validation it loses more than is let through in melanoma AUC 0.8940 against 0.9000.")]
    [InlineData(6.0, 0.800, 0.900, 0.94, 0.50, "fp32 answers. int8 does not: on validation it loses more than is let through in sensitivity at its threshold for 95 % 0.9400 against 0.9500.")]
    [InlineData(6.0, 0.800, 0.900, 0.95, 0.47, "fp32 answers. int8 does not: on validation it loses more than is let through in specificity there 0.4700 against 0.5000.")]
    [InlineData(12.0, 0.70, 0.80, 0.90, 0.50, "fp32 answers. int8 does not: it is 0.83 times as fast as fp32 on one thread of the CPU, less than 1.1 times; on validation it loses more than is let through in balanced")]
    public void Should_let_eight_bits_answer_only_when_they_are_faster_and_as_good(double milliseconds, double balanced, double auc, double sensitivity, double specificity, string says)
    {
        var (serves, reason) = ArtefactRule.Decide(File("fp32", 10, 0.8, 0.9, 0.95, 0.5), File("int8", milliseconds, balanced, auc, sensitivity, specificity));

        Assert.StartsWith(says, reason, StringComparison.Ordinal);
        Assert.Equal(says[..4], serves);
    }

    [Fact]
    public void Should_judge_by_what_there_is_when_validation_has_no_melanoma()
    {
        var (serves, reason) = ArtefactRule.Decide(File("fp32", 10, 0.8, null, null, null), File("int8", 5, 0.8, null, null, null));

        Assert.Equal(("int8", "int8 answers: it is 2.00 times as fast as fp32 on one thread of the CPU, and on validation nothing is lost beyond what is let through: balanced accuracy 0.8000 against 0.8000."), (serves, reason));
    }

    private static ArtefactFigures File(string precision, double milliseconds, double balanced, double? auc, double? sensitivity, double? specificity) =>
        new(precision, 1000, milliseconds, 1, null, new ArtefactSplit(100, balanced, auc, sensitivity, specificity, null, null, 0.05), null);
}
