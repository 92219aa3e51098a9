namespace Melanoma.Imaging;

/// <summary>How many cells have each brightness.</summary>
internal readonly ref struct Histogram
{
    public const int Levels = 256;

    private readonly Span<int> _counts;

    /// <param name="counts">Room for all levels.</param>
    public Histogram(Span<int> counts)
    {
        counts.Clear();
        _counts = counts;
    }

    /// <summary>The least level that nine tenths of the cells do not exceed.</summary>
    public int NinthTenth
    {
        get
        {
            var all = 0;
            foreach (var count in _counts)
                all += count;
            var upTo = 0;
            for (var level = 0; level < Levels; level++)
            {
                upTo += _counts[level];
                if (10L * upTo >= 9L * all)
                    return level;
            }

            return Levels - 1;
        }
    }

    /// <summary>Adds a rectangle of the brightness at 128 x 128.</summary>
    public void Add(ReadOnlySpan<short> luma, int left, int top, int width, int height)
    {
        for (var y = top; y < top + height; y++)
        {
            foreach (var level in luma.Slice((y * PictureScan.Side) + left, width))
                _counts[level]++;
        }
    }
}
