using Melanoma.Contracts.Models;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Evaluation;

/// <summary>95 % percentile intervals from resampled lesion groups (Efron 1979): pictures of one lesion are not independent.</summary>
internal static class Bootstrap
{
    private const int Rounds = 1000;

    /// <param name="groups">The group of each picture.</param>
    /// <param name="figures">The figures when each picture counts as often as its weight says.</param>
    public static (Interval? First, Interval? Second, Interval? Third) Intervals(
        int[] groups, long seed, Func<int[], (double First, double Second, double? Third)> figures)
    {
        var numbers = groups.Distinct().Select((group, number) => (group, number)).ToDictionary(pair => pair.group, pair => pair.number);
        var members = groups.Select(group => numbers[group]).ToArray();
        var random = SplitMix64.At(seed, groups.Length);
        List<double> first = [], second = [], third = [];
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

            var figure = figures(weights);
            first.Add(figure.First);
            second.Add(figure.Second);
            if (figure.Third is { } value)
            {
                third.Add(value);
            }
        }

        return (Middle(first) ?? new Interval(0, 0), Middle(second) ?? new Interval(0, 0), Middle(third));
    }

    private static Interval? Middle(List<double> values)
    {
        if (values.Count == 0)
        {
            return null;
        }

        values.Sort();
        return new Interval(values[(int)(0.025 * (values.Count - 1))], values[(int)Math.Ceiling(0.975 * (values.Count - 1))]);
    }
}
