using System.Numerics;

namespace Melanoma.Imaging;

/// <summary>Mean square of the Laplacian (4 neighbours) of the brightness at 128, 64, 32 and 16 cells to a side, in squared grey levels.</summary>
internal readonly record struct DetailEnergies(double Fine, double Middle, double Coarse, double Coarsest)
{
    private const int Side = PictureScan.Side;

    public static DetailEnergies Of(ReadOnlySpan<short> luma)
    {
        Span<int> middle = stackalloc int[Side * Side / 4];
        Span<int> coarse = stackalloc int[Side * Side / 16];
        Span<int> coarsest = stackalloc int[Side * Side / 64];
        for (var y = 0; y < Side / 2; y++)
        {
            var above = luma.Slice(2 * y * Side, Side);
            var below = luma.Slice(((2 * y) + 1) * Side, Side);
            var row = middle.Slice(y * Side / 2, Side / 2);
            for (var x = 0; x < row.Length; x++)
                row[x] = above[2 * x] + above[(2 * x) + 1] + below[2 * x] + below[(2 * x) + 1];
        }

        Halve(middle, Side / 2, coarse);
        Halve(coarse, Side / 4, coarsest);
        return new(Fines(luma), Energy(middle, Side / 2, 4), Energy(coarse, Side / 4, 16), Energy(coarsest, Side / 8, 64));
    }

    // Sums instead of means: nothing is rounded.
    private static void Halve(ReadOnlySpan<int> from, int side, Span<int> to)
    {
        for (var y = 0; y < side / 2; y++)
        {
            var above = from.Slice(2 * y * side, side);
            var below = from.Slice(((2 * y) + 1) * side, side);
            var row = to.Slice(y * side / 2, side / 2);
            for (var x = 0; x < row.Length; x++)
                row[x] = above[2 * x] + above[(2 * x) + 1] + below[2 * x] + below[(2 * x) + 1];
        }
    }

    private static double Fines(ReadOnlySpan<short> luma)
    {
        long squares = 0;
        for (var y = 1; y < Side - 1; y++)
        {
            var sum = Vector<int>.Zero;
            for (var at = y * Side; at < (y + 1) * Side; at += Vector<short>.Count)
            {
                var around = new Vector<short>(luma[(at - 1)..]) + new Vector<short>(luma[(at + 1)..])
                    + new Vector<short>(luma[(at - Side)..]) + new Vector<short>(luma[(at + Side)..]);
                Vector.Widen((new Vector<short>(luma[at..]) * (short)4) - around, out var left, out var right);
                sum += (left * left) + (right * right);
            }

            squares += Vector.Sum(sum) - Square(luma, y * Side) - Square(luma, ((y + 1) * Side) - 1);
        }

        return squares / (double)((Side - 2) * (Side - 2));
    }

    // The first and the last column lack a neighbour; what they were counted with was in another row.
    private static int Square(ReadOnlySpan<short> luma, int at)
    {
        var value = (4 * luma[at]) - luma[at - 1] - luma[at + 1] - luma[at - Side] - luma[at + Side];
        return value * value;
    }

    private static double Energy(ReadOnlySpan<int> sums, int side, int cells)
    {
        long squares = 0;
        for (var y = 1; y < side - 1; y++)
        {
            var above = sums.Slice((y - 1) * side, side);
            var row = sums.Slice(y * side, side);
            var below = sums.Slice((y + 1) * side, side);
            for (var x = 1; x < row.Length - 1; x++)
            {
                long value = (4 * row[x]) - row[x - 1] - row[x + 1] - above[x] - below[x];
                squares += value * value;
            }
        }

        return squares / ((double)cells * cells * (side - 2) * (side - 2));
    }
}
