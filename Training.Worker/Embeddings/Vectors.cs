using System.Numerics;

namespace Melanoma.Training.Embeddings;

/// <summary>Arithmetic on rows of numbers, always in the same order: the same result on every run and for any number of threads.</summary>
internal static class Vectors
{
    /// <summary>The scalar product of two rows of one length.</summary>
    public static float Dot(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        var (even, odd, at) = (Vector<float>.Zero, Vector<float>.Zero, 0);
        for (; at <= first.Length - (2 * Vector<float>.Count); at += 2 * Vector<float>.Count)
        {
            even += new Vector<float>(first[at..]) * new Vector<float>(second[at..]);
            odd += new Vector<float>(first[(at + Vector<float>.Count)..]) * new Vector<float>(second[(at + Vector<float>.Count)..]);
        }

        var sum = Vector.Sum(even + odd);
        for (; at < first.Length; at++)
        {
            sum += first[at] * second[at];
        }

        return sum;
    }

    /// <summary>Adds <paramref name="values"/> times <paramref name="factor"/> to <paramref name="target"/>, which has the same length.</summary>
    public static void AddScaled(Span<float> target, ReadOnlySpan<float> values, float factor)
    {
        var at = 0;
        var factors = new Vector<float>(factor);
        for (; at <= target.Length - Vector<float>.Count; at += Vector<float>.Count)
        {
            (new Vector<float>(target[at..]) + (new Vector<float>(values[at..]) * factors)).CopyTo(target[at..]);
        }

        for (; at < target.Length; at++)
        {
            target[at] += values[at] * factor;
        }
    }

    /// <summary>Brings every column to mean 0 and deviation 1; a column that does not vary becomes 0.</summary>
    /// <param name="rows">Rows of one length, at least one; not changed.</param>
    /// <returns>New rows, divided by <paramref name="divisor"/> besides.</returns>
    public static float[][] Standardise(IReadOnlyList<float[]> rows, double divisor = 1)
    {
        var (sums, squares) = (new double[rows[0].Length], new double[rows[0].Length]);
        foreach (var row in rows)
        {
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += row[i];
                squares[i] += (double)row[i] * row[i];
            }
        }

        var standard = new float[rows.Count][];
        for (var r = 0; r < standard.Length; r++)
        {
            standard[r] = new float[sums.Length];
            for (var i = 0; i < sums.Length; i++)
            {
                var mean = sums[i] / rows.Count;
                var deviation = Math.Sqrt(Math.Max(0, (squares[i] / rows.Count) - (mean * mean)));
                standard[r][i] = deviation > 1e-6 ? (float)((rows[r][i] - mean) / deviation / divisor) : 0;
            }
        }

        return standard;
    }
}
