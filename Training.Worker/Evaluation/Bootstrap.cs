using Melanoma.Contracts.Models;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Evaluation;

/// <summary>The intervals of a model's figures, the same ones for the same seed.</summary>
internal static class Bootstrap
{
    /// <summary>The interval of a figure; null where it was null in every round, as without pictures. The same groups and seed draw the same rounds.</summary>
    /// <param name="groups">The group of each picture.</param>
    /// <param name="figure">The figure when each picture counts as often as its weight says.</param>
    public static Interval? Interval(int[] groups, long seed, Func<int[], double?> figure)
    {
        var random = SplitMix64.At(seed, groups.Length);
        return LesionBootstrap.Intervals(groups, count => random.Below(count), weights => [figure(weights)]) is [var interval] ? interval : null;
    }
}
