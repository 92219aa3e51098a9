namespace Melanoma.Ingestion.Shortcuts;

/// <summary>
/// What a property tells most plainly: one value, or all values below a bound, that one part of the classes has much more often than the other. Found among
/// all values and all cuts of the classes
/// in the order of their shares, as the largest phi coefficient of the 2 x 2 table.
/// </summary>
/// <param name="Category">The value; of an ordered one all below and with it.</param>
/// <param name="Rare">The classes that have it seldom, as positions.</param>
/// <param name="RareShare">The share of their images that has it, 0 to 1.</param>
/// <param name="Frequent">The classes that have it often.</param>
/// <param name="FrequentShare">The share of their images that has it, 0 to 1.</param>
internal sealed record TellingSplit(int Category, IReadOnlyList<int> Rare, double RareShare, IReadOnlyList<int> Frequent, double FrequentShare)
{
    // Of two that tell as much, as the two values of a pair do, the one that "none" can be said of.
    private const double Same = 1e-9;

    /// <summary>The best split, or null where there are not two classes or no value tells anything.</summary>
    /// <param name="table">Categories x classes.</param>
    /// <param name="ordered">How many categories, from the first, are in rising order.</param>
    /// <param name="classes">The classes that are looked at.</param>
    public static TellingSplit? Find(double[,] table, int ordered, IReadOnlyList<int> classes)
    {
        var sums = classes.Select(c => Enumerable.Range(0, table.GetLength(0)).Sum(v => table[v, c])).ToArray();
        var total = sums.Sum();
        TellingSplit? best = null;
        var bestPhi = Same;
        var having = new double[classes.Count];
        for (var category = 0; category < table.GetLength(0); category++)
        {
            for (var k = 0; k < having.Length; k++)
                having[k] = table[category, classes[k]] + (category > 0 && category < ordered ? having[k] : 0);
            int[] order = [.. Enumerable.Range(0, having.Length).OrderBy(k => having[k] / sums[k])];
            var all = having.Sum();
            double rare = 0, rareSum = 0;
            for (var cut = 1; cut < order.Length; cut++)
            {
                rare += having[order[cut - 1]];
                rareSum += sums[order[cut - 1]];
                var (low, high) = (rare / rareSum, (all - rare) / (total - rareSum));
                var spread = all * (total - all);
                var phi = spread <= 0 ? 0 : (high - low) * (high - low) * rareSum * (total - rareSum) / spread;
                if (phi < bestPhi || (phi < bestPhi + Same && best is not null && low >= best.RareShare))
                    continue;
                bestPhi = phi;
                best = new(category, [.. order[..cut].Order().Select(k => classes[k])], low, [.. order[cut..].Order().Select(k => classes[k])], high);
            }
        }

        return best;
    }
}
