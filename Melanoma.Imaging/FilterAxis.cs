using System.Collections.Concurrent;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging;

/// <summary>
/// One axis of <see cref="AreaFilter"/>: for each output position, which input positions count and with what share of <see cref="Total"/>. Every output position
/// has equally many of them, some with weight 0, and all lie inside the input.
/// </summary>
internal sealed class FilterAxis
{
    private const int MostKept = 128;
    private const int LongestKept = 16 * 1024;

    // Cameras make pictures of few sizes, and nothing of an axis changes once it is made.
    private static readonly ConcurrentDictionary<(int From, int To, int Multiple), FilterAxis> Kept = new();

    private readonly int[] _first;
    private readonly uint[] _weights;
    private Vector256<uint>[]? _pairs;
    private Vector256<short>[]? _quads;

    /// <param name="from">Input positions.</param>
    /// <param name="to">Output positions.</param>
    /// <param name="multiple">What <see cref="Taps"/> is to be a multiple of.</param>
    private FilterAxis(int from, int to, int multiple)
    {
        var shrinks = to <= from;
        Total = TotalOf(from, to);
        Taps = TapsOf(from, to, multiple);
        _first = new int[to];
        _weights = new uint[to * Taps];
        for (var i = 0; i < to; i++)
        {
            if (shrinks)
                AddArea(i, from, to);
            else
                AddLinear(i, from, to);
        }
    }

    /// <summary>What the weights of each output position add up to.</summary>
    public uint Total { get; }

    /// <summary>How many input positions have a weight for each output position.</summary>
    public int Taps { get; }

    /// <summary>The first input position of each output position.</summary>
    public ReadOnlySpan<int> First => _first;

    /// <summary>The weights, <see cref="Taps"/> for each output position.</summary>
    public ReadOnlySpan<uint> Weights => _weights;

    /// <summary>The weights as <see cref="AreaFilter"/> takes them for two columns at once.</summary>
    public ReadOnlySpan<Vector256<uint>> Pairs => _pairs ??= AreaFilter.PairsOf(this);

    /// <summary>The weights as <see cref="QuadFilter"/> takes them for two columns and four pixels at once.</summary>
    public ReadOnlySpan<Vector256<short>> Quads => _quads ??= QuadFilter.QuadsOf(this);

    /// <summary>An axis, which others may use at the same time.</summary>
    /// <param name="from">Input positions.</param>
    /// <param name="to">Output positions.</param>
    /// <param name="multiple">What <see cref="Taps"/> is to be a multiple of.</param>
    public static FilterAxis Of(int from, int to, int multiple = 1)
    {
        if (Kept.TryGetValue((from, to, multiple), out var kept))
            return kept;
        var axis = new FilterAxis(from, to, multiple);
        if (axis._weights.Length > LongestKept)
            return axis;
        if (Kept.Count >= MostKept)
            Kept.Clear();
        return Kept.GetOrAdd((from, to, multiple), axis);
    }

    /// <summary><see cref="Total"/> of an axis.</summary>
    public static uint TotalOf(int from, int to) => to <= from ? (uint)from : 2 * (uint)to;

    /// <summary><see cref="Taps"/> of an axis, which must not be more than its inputs.</summary>
    public static int TapsOf(int from, int to, int multiple) => ((to <= from ? MostTouched(from, to) : Math.Min(from, 2)) + multiple - 1) / multiple * multiple;

    // A stretch of from/to inputs begins at a multiple of gcd/to behind the beginning of one.
    private static int MostTouched(int from, int to)
    {
        var (common, rest) = (to, from % to);
        while (rest > 0)
            (common, rest) = (rest, common % rest);
        return ((from - common + to - 1) / to) + 1;
    }

    // In units of 1/to of an input pixel, the output covers [i from, (i + 1) from) and input j covers [j to, (j + 1) to).
    private void AddArea(int i, int from, int to)
    {
        long begin = (long)i * from, end = begin + from;
        var j = begin / to;
        var weights = Room(i, (int)j, from);
        for (; j * to < end; j++)
            weights[(int)j - _first[i]] = (uint)(Math.Min(end, (j + 1) * to) - Math.Max(begin, j * to));
    }

    // The centre of output i lies at ((2i + 1) from - to) / (2 to) between the centres of the inputs.
    private void AddLinear(int i, int from, int to)
    {
        var centre = Math.Clamp((((2L * i) + 1) * from) - to, 0, 2L * to * (from - 1));
        var share = (uint)(centre % (2 * to));
        var j = (int)(centre / (2 * to));
        var weights = Room(i, j, from);
        weights[j - _first[i]] = (2 * (uint)to) - share;
        if (share > 0)
            weights[j + 1 - _first[i]] = share;
    }

    private Span<uint> Room(int i, int first, int from)
    {
        _first[i] = Math.Min(first, from - Taps);
        return _weights.AsSpan(i * Taps, Taps);
    }
}
