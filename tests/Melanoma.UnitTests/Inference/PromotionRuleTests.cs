using System.Collections.Immutable;
using Melanoma.Contracts.Models;
using Melanoma.Inference.Registry;

namespace Melanoma.UnitTests.Inference;

public sealed class PromotionRuleTests
{
    [Theory]
    [InlineData(0.61, 0.60, -0.02, 0.04, "Promoted: it is not worse. ")]
    [InlineData(0.60, 0.60, -0.03, 0.03, "Promoted: it is not worse. ")]
    [InlineData(0.585, 0.60, -0.03, 0.01, "Promoted: it is not worse. ")]
    [InlineData(0.595, 0.60, -0.008, -0.002, "Not promoted: its balanced accuracy is worse. ")]
    [InlineData(0.575, 0.60, -0.06, 0.01, "Not promoted: its balanced accuracy is more than 0.02 lower. ")]
    public void Should_promote_only_what_is_not_worse_when_two_models_are_compared(double candidate, double production, double low, double high, string begins)
    {
        var decision = PromotionRule.Compare(Comparison(new ComparedFigure(ComparedFigure.BalancedAccuracy, candidate, production, new Interval(low, high))), new());

        Assert.Equal(begins.StartsWith("Promoted", StringComparison.Ordinal), decision.Promote);
        Assert.StartsWith(begins + "Against version 2: ", decision.Reason, StringComparison.Ordinal);
        Assert.Contains("on the same 118 test images", decision.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.85, 0.15, 10, "Promoted: it is not worse. ")]
    [InlineData(0.84, 0.16, 10, "Not promoted: at its threshold for 95 % sensitivity it finds 0.8400 of the melanomas, less than 0.85, and its calibration error 0.1600 is above 0.15. ")]
    [InlineData(0.10, 0.15, 9, "A person decides: 9 melanomas are left in test, 10 and a threshold of its own are needed to judge its sensitivity. ")]
    public void Should_keep_the_bounds_when_a_model_is_not_worse(double sensitivity, double calibrationError, int melanomas, string begins)
    {
        var comparison = Comparison(
            new ComparedFigure(ComparedFigure.BalancedAccuracy, 0.7, 0.6, new Interval(0.05, 0.15)),
            new ComparedFigure(ComparedFigure.CalibrationError, calibrationError, 0.01, new Interval(0, 0.2))) with
        {
            Sensitivity = sensitivity,
            Melanomas = melanomas,
        };

        Assert.StartsWith(begins + "Against version 2: ", PromotionRule.Compare(comparison, new()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_leave_it_to_a_person_when_too_few_images_are_left()
    {
        var decision = PromotionRule.Compare(Comparison() with { Images = 19, LeftOut = new LeftOutImages(0, 7, 0, 0, 0, 0) }, new());

        Assert.False(decision.Promote);
        Assert.Equal(
            "A person decides: only 19 test images of dataset 5 are left that neither version 3 nor version 2 was trained or chosen on; 20 are needed. 7 test images were left out because version 2 was trained or chosen on their lesions.",
            decision.Reason);
    }

    private static TestComparison Comparison(params ImmutableArray<ComparedFigure> figures) => new()
    {
        Version = 3,
        OtherVersion = 2,
        DatasetId = 5,
        Images = 118,
        LeastImages = 20,
        Melanomas = 16,
        Sensitivity = 0.95,
        LeftOut = new LeftOutImages(0, 0, 0, 0, 0, 0),
        Figures = figures,
    };
}
