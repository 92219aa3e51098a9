using Melanoma.Contracts.Models;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Evaluation;

/// <summary>The intervals of a model's figures, the same ones for the same seed.</summary>
internal static class Bootstrap
{
    /// <param name="groups">The group of each picture.</param>
    /// <param name="figures">The figures when each picture counts as often as its weight says.</param>
    public static (Interval? First, Interval? Second, Interval? Third) Intervals(
        int[] groups, long seed, Func<int[], (double First, double Second, double? Third)> figures)
    {
        var random = SplitMix64.At(seed, groups.Length);
        return LesionBootstrap.Intervals(groups, count => random.Below(count), Figures) is [var first, var second, var third]
            ? (first, second, third)
            : (new Interval(0, 0), new Interval(0, 0), null);

        double?[] Figures(int[] weights)
        {
            var (first, second, third) = figures(weights);
            return [first, second, third];
        }
    }
}
