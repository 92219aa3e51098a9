using Melanoma.Contracts.Models;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Evaluation;

/// <summary>95 % percentile intervals from resampled lesion groups (Efron 1979): pictures of one lesion are not independent.</summary>
internal static class Bootstrap
{
    private const int Rounds = 1000;

    /// <summary>The interval of a figure; null where it was null in every round, as without pictures. The same groups and seed draw the same rounds.</summary>
    /// <param name="groups">The group of each picture.</param>
    /// <param name="figure">The figure when each picture counts as often as its weight says.</param>
    public static Interval? Interval(int[] groups, long seed, Func<int[], double?> figure)
    {
        var numbers = groups.Distinct().Select((group, number) => (group, number)).ToDictionary(pair => pair.group, pair => pair.number);
        var members = groups.Select(group => numbers[group]).ToArray();
        var random = SplitMix64.At(seed, groups.Length);
        var values = new List<double>();
        var drawn = new int[numbers.Count];
        var weights = new int[groups.Length];
        for (var round = 0; round < Rounds && groups.Length > 0; round++)
        {
            Array.Clear(drawn);
            for (var i = 0; i < drawn.Length; i++)
            {
                drawn[random.Below(drawn.Length)]++;
            }

            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] = drawn[members[i]];
            }

            if (figure(weights) is { } value)
            {
                values.Add(value);
            }
        }

        if (values.Count == 0)
        {
            return null;
        }

        values.Sort();
        return new Interval(values[(int)(0.025 * (values.Count - 1))], values[(int)Math.Ceiling(0.975 * (values.Count - 1))]);
    }
}
