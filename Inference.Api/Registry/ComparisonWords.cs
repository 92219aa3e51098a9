using System.Globalization;

namespace Melanoma.Inference.Registry;

/// <summary>A comparison in words.</summary>
internal static class ComparisonWords
{
    /// <summary>Better, worse or indistinguishable, with what it rests on.</summary>
    public static string Conclusion(TestComparison comparison) => comparison.BalancedAccuracy switch
    {
        null => TooFew(comparison),
        { Verdict: ComparisonVerdict.Better } figure => Say(
            $"Version {comparison.Version} is better than version {comparison.OtherVersion}: {Difference(comparison, figure)}, which leaves 0 out."),
        { Verdict: ComparisonVerdict.Worse } figure => Say(
            $"Version {comparison.Version} is worse than version {comparison.OtherVersion}: {Difference(comparison, figure)}, which leaves 0 out."),
        var figure => Say(
            $"Version {comparison.Version} is indistinguishable from version {comparison.OtherVersion}: {Difference(comparison, figure)}, which has 0 in it."),
    };

    /// <summary>Why nothing was compared.</summary>
    public static string TooFew(TestComparison comparison)
    {
        var count = comparison.Images == 1 ? "only 1 test image" : Say($"only {comparison.Images} test images");
        return Say(
            $"A person decides: {count} of dataset {comparison.DatasetId} {(comparison.Images == 1 ? "is" : "are")} left that neither version {comparison.Version} nor version {comparison.OtherVersion} was trained or chosen on; {comparison.LeastImages} are needed.");
    }

    /// <summary>What was left out and why, one sentence each.</summary>
    public static IReadOnlyList<string> LeftOut(TestComparison comparison)
    {
        var left = comparison.LeftOut;
        var sentences = new List<string>(Seen(comparison));
        if (left.Forgotten > 0)
            sentences.Add(Say($"{left.Forgotten} test images were left out because they were forgotten since the dataset was made."));
        if (left.Coarse > 0)
        {
            sentences.Add(Say(
                $"{left.Coarse} test images were left out of the nine diagnoses because their label names several; those of one class of HAM10000 count in its seven classes."));
        }

        if (left.Unreadable > 0)
            sentences.Add(Say($"{left.Unreadable} test images were left out because they cannot be decoded."));
        return sentences;
    }

    /// <summary>Balanced accuracy of both, with the interval of the difference.</summary>
    public static string Difference(TestComparison comparison, ComparedFigure figure) => Say(
        $"balanced accuracy {figure.Version:0.0000} against {figure.Other:0.0000} on the same {comparison.Images} test images, difference {figure.Difference:+0.0000;-0.0000;0.0000} with 95 % interval {figure.Interval.Low:+0.0000;-0.0000;0.0000} to {figure.Interval.High:+0.0000;-0.0000;0.0000}");

    /// <summary>The images that a version has seen, to stand behind another sentence.</summary>
    public static string SeenSentences(TestComparison comparison) => string.Concat(Seen(comparison).Select(sentence => " " + sentence));

    private static IEnumerable<string> Seen(TestComparison comparison) =>
        from side in ((int Version, int Images)[])[(comparison.Version, comparison.LeftOut.SeenByVersion), (comparison.OtherVersion, comparison.LeftOut.SeenByOther)]
        where side.Images > 0
        select Say($"{side.Images} test images were left out because version {side.Version} was trained or chosen on their lesions.");

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
