using CsCheck;
using Melanoma.Contracts.Models;

namespace Melanoma.UnitTests.Contracts;

public sealed class DecisionRuleTests
{
    [Fact]
    public void Should_advise_no_less_when_melanoma_is_likelier() =>
        Gen.Select(Gen.Double[0, 1], Gen.Double[0, 1], Gen.Double[0, 1], Gen.Double[0, 1]).Sample((a, b, c, d) =>
        {
            var points = new OperatingPoints(Math.Min(a, b), Math.Max(a, b));
            var (less, more) = (DecisionRule.Decide(Math.Min(c, d), points), DecisionRule.Decide(Math.Max(c, d), points));
            return less >= more && less is Decision.Refer or Decision.Review or Decision.LowRisk;
        });

    [Theory]
    [InlineData(0.09995, Decision.Review)]
    [InlineData(0.09994, Decision.LowRisk)]
    [InlineData(0.29995, Decision.Refer)]
    [InlineData(0.29994, Decision.Review)]
    public void Should_round_before_it_compares_so_that_an_answer_is_decided_the_same_for_ever(double melanoma, Decision expected) =>
        Assert.Equal(expected, DecisionRule.Decide(melanoma, new OperatingPoints(0.1, 0.3)));

    [Theory]
    [InlineData(2.004, false)]
    [InlineData(2.006, true)]
    [InlineData(double.NaN, true)]
    public void Should_call_unfamiliar_what_is_farther_than_the_limit_or_no_number(double distance, bool expected) =>
        Assert.Equal(expected, DecisionRule.IsUnfamiliar(distance, 2));
}
