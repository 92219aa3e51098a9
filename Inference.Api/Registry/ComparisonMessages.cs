using System.Globalization;
using Melanoma.Contracts.V1;
using WireFigure = Melanoma.Contracts.V1.ComparedFigure;
using WireLeftOut = Melanoma.Contracts.V1.LeftOutImages;
using WireVerdict = Melanoma.Contracts.V1.ComparisonVerdict;

namespace Melanoma.Inference.Registry;

/// <summary>A comparison as it goes over the wire.</summary>
internal static class ComparisonMessages
{
    public static ModelComparison ToMessage(TestComparison comparison)
    {
        var left = comparison.LeftOut;
        var message = new ModelComparison
        {
            Version = comparison.Version.ToString(CultureInfo.InvariantCulture),
            OtherVersion = comparison.OtherVersion.ToString(CultureInfo.InvariantCulture),
            DatasetId = comparison.DatasetId,
            Images = comparison.Images,
            Ham10000Images = comparison.Ham10000Images,
            Lesions = comparison.Lesions,
            LeftOut = new WireLeftOut
            {
                SeenByVersion = left.SeenByVersion,
                SeenByOther = left.SeenByOther,
                SeenByBoth = left.SeenByBoth,
                Forgotten = left.Forgotten,
                Coarse = left.Coarse,
                Unreadable = left.Unreadable,
            },
            Verdict = ToMessage(comparison.BalancedAccuracy?.Verdict),
            Conclusion = ComparisonWords.Conclusion(comparison),
            TestLooks = comparison.TestLooks,
        };
        message.Figures.AddRange(comparison.Figures.Select(figure => new WireFigure
        {
            Name = figure.Name,
            Value = figure.Version,
            OtherValue = figure.Other,
            Difference = figure.Difference,
            DifferenceLow = figure.Interval.Low,
            DifferenceHigh = figure.Interval.High,
            Verdict = ToMessage(figure.Verdict),
        }));
        message.Notes.AddRange(ComparisonWords.LeftOut(comparison));
        return message;
    }

    private static WireVerdict ToMessage(ComparisonVerdict? verdict) => verdict switch
    {
        ComparisonVerdict.Better => WireVerdict.Better,
        ComparisonVerdict.Worse => WireVerdict.Worse,
        ComparisonVerdict.Indistinguishable => WireVerdict.Indistinguishable,
        _ => WireVerdict.Unspecified,
    };
}
