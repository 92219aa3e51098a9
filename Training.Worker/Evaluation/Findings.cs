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

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
