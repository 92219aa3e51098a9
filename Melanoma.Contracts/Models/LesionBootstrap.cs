namespace Melanoma.Contracts.Models;

/// <summary>95 % percentile intervals from resampled lesion groups (Efron 1979): pictures of one lesion are not independent.</summary>
public static class LesionBootstrap
{
    private const int Rounds = 1000;

    /// <summary>The intervals of several figures from the same draws, so that differences of two models on the same pictures are paired.</summary>
    /// <param name="groups">The group of each picture.</param>
    /// <param name="below">Draws uniformly from 0 to its argument, exclusive.</param>
    /// <param name="figures">The figures when each picture counts as often as its weight says, always as many; null where a draw has none.</param>
    /// <returns>One interval a figure; null where no draw had it. Empty without pictures.</returns>
    public static IReadOnlyList<Interval?> Intervals(IReadOnlyList<int> groups, Func<int, int> below, Func<int[], IReadOnlyList<double?>> figures)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(below);
        ArgumentNullException.ThrowIfNull(figures);
        var numbers = groups.Distinct().Select((group, number) => (group, number)).ToDictionary(pair => pair.group, pair => pair.number);
        var members = groups.Select(group => numbers[group]).ToArray();
        var drawn = new int[numbers.Count];
        var weights = new int[members.Length];
        List<double>[]? values = null;
        for (var round = 0; round < Rounds && members.Length > 0; round++)
        {
            Array.Clear(drawn);
            for (var i = 0; i < drawn.Length; i++)
            {
                drawn[below(drawn.Length)]++;
            }

            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] = drawn[members[i]];
            }

            var figure = figures(weights);
            values ??= [.. figure.Select(_ => new List<double>(Rounds))];
            for (var i = 0; i < values.Length; i++)
            {
                if (figure[i] is { } value)
                {
                    values[i].Add(value);
                }
            }
        }

        return [.. (values ?? []).Select(Middle)];
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
