using System.Globalization;
using System.Text.Json;
using Melanoma.Contracts.Models;

namespace Melanoma.Inference.Registry;

/// <summary>
/// The stated policy: the first honest model is promoted; a later one when, on test images that neither it nor production was trained or chosen on, its
/// balanced accuracy is not worse, it finds enough of the melanomas, and its probabilities are calibrated. What cannot be judged is left to a person.
/// </summary>
internal static class PromotionRule
{
    private const string ForAPerson = "A person decides";
    private const string Refusal = "Not promoted";

    public static PromotionDecision Leaky { get; } =
        new(false, "Not promoted: it was trained by the leaky protocol, whose figures say nothing about new patients.");

    public static PromotionDecision First { get; } = new(true, "Promoted: it is the first model of an honest dataset.");

    public static PromotionDecision Bundled { get; } = new(true, "Promoted: it is the bundled model, and this installation has none of its own yet.");

    public static PromotionDecision Refused(string problem) => new(false, $"{Refusal}: {problem}");

    public static PromotionDecision Undecidable(string problem) => new(false, $"{ForAPerson}: {problem}");

    /// <summary>What parity says: the served file must answer as the trained network did.</summary>
    /// <param name="report">The candidate's report as JSON.</param>
    /// <returns>Why it is not promoted; null when parity has passed.</returns>
    public static PromotionDecision? Parity(string report)
    {
        double difference;
        try
        {
            difference = ModelReport.FromJson(report).ParityDifference;
        }
        catch (JsonException)
        {
            return Undecidable("its report is of another time and does not say whether the served file answers as the trained network did.");
        }

        return difference <= ModelReport.LargestParityDifference
            ? null
            : Refused(Say($"the served file and the trained network differ by {difference:0.#######}; {ModelReport.LargestParityDifference:0.#######} is let through."));
    }

    /// <summary>Compares the candidate with production.</summary>
    /// <param name="comparison">The candidate against the version in production.</param>
    /// <param name="options">The bounds.</param>
    public static PromotionDecision Compare(TestComparison comparison, PromotionOptions options)
    {
        if (comparison.BalancedAccuracy is not { } balanced)
        {
            return new(false, ComparisonWords.TooFew(comparison) + ComparisonWords.SeenSentences(comparison));
        }

        var reasons = new List<string>();
        if (balanced.Difference < -options.LargestLoss)
        {
            reasons.Add(Say($"its balanced accuracy is more than {options.LargestLoss:0.####} lower"));
        }
        else if (balanced.Verdict == ComparisonVerdict.Worse)
        {
            reasons.Add("its balanced accuracy is worse");
        }

        var sensitivity = comparison.Sensitivity;
        var judgesMelanoma = comparison.Melanomas >= options.MinimumTestMelanomas && sensitivity is not null;
        if (judgesMelanoma && sensitivity < options.SensitivityFloor)
        {
            reasons.Add(Say($"at its threshold for 95 % sensitivity it finds {sensitivity:0.0000} of the melanomas, less than {options.SensitivityFloor:0.####}"));
        }

        var calibration = comparison.Find(ComparedFigure.CalibrationError)?.Version;
        if (calibration > options.LargestCalibrationError)
        {
            reasons.Add(Say($"its calibration error {calibration:0.0000} is above {options.LargestCalibrationError:0.####}"));
        }

        var verdict = reasons.Count > 0 ? $"{Refusal}: {string.Join(", and ", reasons)}"
            : judgesMelanoma ? "Promoted: it is not worse"
            : Say($"{ForAPerson}: {comparison.Melanomas} melanomas are left in test, {options.MinimumTestMelanomas} and a threshold of its own are needed to judge its sensitivity");
        return new(
            reasons.Count == 0 && judgesMelanoma,
            Say($"{verdict}. Against version {comparison.OtherVersion}: {ComparisonWords.Difference(comparison, balanced)}.{ComparisonWords.SeenSentences(comparison)}"));
    }

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What the policy says of a candidate.</summary>
/// <param name="Promote">Whether it goes into production.</param>
/// <param name="Reason">Why, in words.</param>
internal sealed record PromotionDecision(bool Promote, string Reason);
