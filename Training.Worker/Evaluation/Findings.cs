using System.Globalization;
using Melanoma.Contracts.Models;

namespace Melanoma.Training.Evaluation;

/// <summary>What the figures say, in words, by stated rules.</summary>
internal static class Findings
{
    private const double LeastGainOverMajority = 0.05;
    private const double OverFitGap = 0.15;
    private const double UnderFitAccuracy = 0.6;
    private const int LeastImagesToJudge = 10;
    private const double WidestInterval = 0.1;

    /// <param name="kept">The epoch whose weights are judged; null when its figures are not known.</param>
    /// <param name="leaky">Whether the dataset is a reproduction of the notebook's protocol.</param>
    public static IReadOnlyList<string> Of(EpochReport? kept, SplitFigures validation, SplitFigures? test, bool leaky)
    {
        var findings = new List<string>();
        if (leaky)
        {
            findings.Add("Leaky protocol: variants of the same picture may stand in training and in validation; the figures say nothing about new patients.");
        }

        var majority = validation.Classes.Max(x => x.Images) / (double)Math.Max(1, validation.Images);
        if (validation.Accuracy < majority + LeastGainOverMajority)
        {
            findings.Add(Say($"Did not learn: validation accuracy {validation.Accuracy:p1} is not {LeastGainOverMajority:p0} above the share of the commonest class, {majority:p1}."));
        }
        else if (kept is not null && kept.TrainingAccuracy - validation.Accuracy > OverFitGap)
        {
            findings.Add(Say($"Over-fit: training accuracy {kept.TrainingAccuracy:p1} is more than {OverFitGap:p0} above validation accuracy {validation.Accuracy:p1}."));
        }
        else if (kept is not null && kept.TrainingAccuracy < UnderFitAccuracy)
        {
            findings.Add(Say($"Under-fit: training accuracy is {kept.TrainingAccuracy:p1}; more epochs or a larger network may help."));
        }

        if (test is null)
        {
            findings.Add("The dataset has no test images.");
        }
        else if (test.Classes.Where(x => x.Images is > 0 and < LeastImagesToJudge).Select(x => x.Diagnosis).ToArray() is { Length: > 0 } small)
        {
            findings.Add($"Fewer than {LeastImagesToJudge} test images, too few to judge the class: {string.Join(", ", small)}.");
        }

        return findings;
    }

    /// <summary>What the test split can tell, and what the model is worth beside simple ones; nothing without test images.</summary>
    /// <param name="baselines">Simple models on the same images.</param>
    public static IReadOnlyList<string> OfTest(SplitFigures? test, IReadOnlyList<BaselineFigures> baselines)
    {
        if (test is null)
        {
            return [];
        }

        var findings = new List<string>();
        var interval = test.BalancedAccuracyInterval;
        foreach (var baseline in baselines.Where(baseline => baseline.BalancedAccuracy >= interval.Low))
        {
            findings.Add(Say(
                $"{(baseline.Name == Baselines.MajorityClass ? "Did not learn" : "No better than a simple model")}: the balanced accuracy on test of the {baseline.Name}, {baseline.BalancedAccuracy:p1}, is not below the 95 % interval of this model's, {interval.Low:p1} to {interval.High:p1}."));
        }

        if (interval.High - interval.Low > WidestInterval)
        {
            findings.Add(Say(
                $"Test set too small to tell two models apart: the 95 % interval of balanced accuracy is {100 * (interval.High - interval.Low):0.0} points wide, more than {100 * WidestInterval:0}."));
        }

        return findings;
    }

    /// <summary>Better, worse or indistinguishable, by balanced accuracy on test, from the run before it on the same dataset; null where either has no test figures.</summary>
    /// <remarks>The answers of the earlier model are not asked for again, so the two are taken as independent, which makes the interval wider than a paired one.</remarks>
    /// <param name="previous">The version that the run before it made, and its report.</param>
    public static string? OfPreviousRun(SplitFigures? test, (int Version, ModelReport Report) previous)
    {
        if (test is null || previous.Report.Test is not { } before)
        {
            return null;
        }

        var difference = test.BalancedAccuracy - before.BalancedAccuracy;
        var (mine, theirs) = (test.BalancedAccuracyInterval, before.BalancedAccuracyInterval);
        var low = difference - double.Hypot(test.BalancedAccuracy - mine.Low, theirs.High - before.BalancedAccuracy);
        var high = difference + double.Hypot(mine.High - test.BalancedAccuracy, before.BalancedAccuracy - theirs.Low);
        var verdict = low > 0 ? "Better than" : high < 0 ? "Worse than" : "Indistinguishable from";
        return Say(
            $"{verdict} version {previous.Version}, the run before it on the same data: balanced accuracy on test differs by {difference:+0.000;-0.000;0.000}, 95 % interval {low:+0.000;-0.000;0.000} to {high:+0.000;-0.000;0.000} (not paired; `models compare` pairs).");
    }

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
