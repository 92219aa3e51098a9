using System.Globalization;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>One property of all images, in at most 32 categories.</summary>
internal sealed class PropertyCodes
{
    /// <summary>Bits of a code.</summary>
    public const int Bits = 5;

    private const int MaxCategories = 1 << Bits;
    private const int Quantiles = 10;

    // A value that a fiftieth of the images share is a category of its own.
    private const int AtomShare = 50;

    private PropertyCodes(PropertyWords words, byte[] codes, string[] values, int ordered) => (Words, Codes, Values, Ordered) = (words, codes, values, ordered);

    public PropertyWords Words { get; }

    /// <summary>The category of each image.</summary>
    public byte[] Codes { get; }

    /// <summary>The categories in words. Of an ordered one, what is said of it and all below it.</summary>
    public string[] Values { get; }

    /// <summary>How many categories, from the first, are in rising order; 0 where they have no order.</summary>
    public int Ordered { get; }

    /// <summary>A property without an order: the most frequent values, and one category for all others.</summary>
    /// <param name="words">How it is spoken of.</param>
    /// <param name="count">How many images there are.</param>
    /// <param name="value">The value of an image, or null where it has none.</param>
    /// <param name="say">A value in words.</param>
    public static PropertyCodes Named<T>(PropertyWords words, int count, Func<int, T?> value, Func<T, string> say)
        where T : struct
    {
        var known = new Dictionary<T, int>();
        var counts = new List<int>();
        var found = new int[count];
        for (var i = 0; i < count; i++)
        {
            if (value(i) is not { } here)
            {
                found[i] = -1;
                continue;
            }

            if (!known.TryGetValue(here, out var index))
            {
                known.Add(here, index = counts.Count);
                counts.Add(0);
            }

            counts[index]++;
            found[i] = index;
        }

        var ranked = known.Select(pair => (Said: say(pair.Key), Index: pair.Value))
            .OrderByDescending(item => counts[item.Index])
            .ThenBy(item => item.Said, StringComparer.Ordinal)
            .ToList();
        var kept = Math.Min(ranked.Count, MaxCategories - 2);
        var codeOf = new byte[ranked.Count];
        for (var rank = 0; rank < ranked.Count; rank++)
            codeOf[ranked[rank].Index] = (byte)Math.Min(rank, kept);
        string[] values = [.. ranked.Take(kept).Select(item => item.Said), "something rarer", words.Missing];
        return new(words, [.. found.Select(index => index < 0 ? (byte)(kept + 1) : codeOf[index])], values, 0);
    }

    /// <summary>A number, cut at the tenths of its own distribution; a value that many images share is a category by itself.</summary>
    /// <param name="words">How it is spoken of.</param>
    /// <param name="count">How many images there are.</param>
    /// <param name="value">The number of an image, or null where it has none.</param>
    public static PropertyCodes Number(PropertyWords words, int count, Func<int, double?> value)
    {
        var sorted = new List<double>(count);
        for (var i = 0; i < count; i++)
        {
            if (value(i) is { } here)
                sorted.Add(here);
        }

        sorted.Sort();
        var cuts = new SortedSet<double>();
        for (var k = 1; k < Quantiles && sorted.Count > 0; k++)
        {
            var at = (int)((long)sorted.Count * k / Quantiles);
            var (first, next) = (First(sorted, sorted[at], orEqual: true), First(sorted, sorted[at], orEqual: false));
            if (first > 0)
                cuts.Add(sorted[at]);
            if ((next - first) * (long)AtomShare >= sorted.Count && next < sorted.Count)
                cuts.Add(sorted[next]);
        }

        double[] bounds = [.. cuts];
        var codes = new byte[count];
        for (var i = 0; i < count; i++)
            codes[i] = (byte)(value(i) is { } here ? First(bounds, here, orEqual: false) : bounds.Length + 1);
        string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
        var top = bounds.Length == 0 ? words.Number : Say($"{words.Number} of {bounds[^1]:0.####} or more");
        string[] values = [.. bounds.Select(bound => Say($"{words.Number} below {bound:0.####}")), top, words.Missing];
        return new(words, codes, values, bounds.Length);
    }

    // The first position whose value is above the given one, or equal to it where that counts.
    private static int First(IReadOnlyList<double> sorted, double value, bool orEqual)
    {
        int from = 0, to = sorted.Count;
        while (from < to)
        {
            var middle = (from + to) >>> 1;
            if (sorted[middle] > value || (orEqual && sorted[middle] >= value))
                to = middle;
            else
                from = middle + 1;
        }

        return from;
    }
}
