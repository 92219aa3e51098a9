using Melanoma.Inference.Registry;

namespace Melanoma.UnitTests.Inference;

public sealed class PromotionRuleTests
{
    [Theory]
    [InlineData(0.61, 0.60, true)]
    [InlineData(0.60, 0.60, true)]
    [InlineData(0.5999, 0.60, false)]
    public void Should_promote_only_what_is_not_worse_when_two_models_are_compared(double candidate, double production, bool promoted)
    {
        var decision = PromotionRule.Compare(3, 2, new TestComparison(118, candidate, production), minimumImages: 20);

        Assert.Equal(promoted, decision.Promote);
        Assert.Contains("version 2 on the same 118 test images", decision.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_leave_it_to_a_person_when_too_few_images_are_left()
    {
        var decision = PromotionRule.Compare(3, 2, new TestComparison(19, 1, 0), minimumImages: 20);

        Assert.False(decision.Promote);
        Assert.StartsWith("A person decides: only 19 test images", decision.Reason, StringComparison.Ordinal);
    }
}
