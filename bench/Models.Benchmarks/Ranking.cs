namespace Melanoma.Training.Models;

internal static class Ranking
{
    /// <summary>The chance that a positive scores higher than another, ties counting half (Mann-Whitney).</summary>
    public static double Auc(IEnumerable<double> scores, IEnumerable<bool> positives)
    {
        double won = 0, above = 0, others = 0;
        foreach (var tied in scores.Zip(positives).GroupBy(pair => pair.First).OrderBy(group => group.Key))
        {
            double here = tied.Count(pair => pair.Second), rest = tied.Count() - here;
            won += here * (others + (rest / 2));
            (above, others) = (above + here, others + rest);
        }

        return won / (above * others);
    }
}
