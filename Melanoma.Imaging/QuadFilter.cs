using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Melanoma.Imaging;

/// <summary>
/// <see cref="AreaFilter"/> for pixels of four bytes on processors that multiply and add two 16-bit numbers at once. Columns come first, four input pixels at a time; the sums are
/// the same whole numbers in either order, and so are the results.
/// </summary>
internal static class QuadFilter
{
    private const int PixelsAtOnce = 4;
    private const int Channels = 4;

    // The same channel of two neighbours side by side, as 16-bit numbers; indices beyond the vector give zero.
    private static readonly Vector128<byte> FirstTwo = Vector128.Create((byte)0, 255, 4, 255, 1, 255, 5, 255, 2, 255, 6, 255, 3, 255, 7, 255);
    private static readonly Vector128<byte> LastTwo = Vector128.Create((byte)8, 255, 12, 255, 9, 255, 13, 255, 10, 255, 14, 255, 11, 255, 15, 255);

    /// <summary>Whether the processor can, the picture is wide enough for four pixels at once, and two columns lie side by side everywhere.</summary>
    public static bool Takes(int width, int newWidth, int channels) =>
        Avx2.IsSupported && channels == Channels && newWidth % 2 == 0 && FilterAxis.TapsOf(width, newWidth, PixelsAtOnce) <= width;

    /// <summary>Reads pixels of 4 bytes (the fourth is passed over) and writes pixels of 3 bytes. Only where <see cref="Takes"/> and the division is narrow.</summary>
    /// <param name="source">The pixels.</param>
    /// <param name="width">Their columns.</param>
    /// <param name="rows">The vertical axis.</param>
    /// <param name="division">By what both axes' weights add up to.</param>
    /// <param name="destination">Receives the result.</param>
    /// <param name="newWidth">Its columns.</param>
    public static void Resize(ReadOnlySpan<byte> source, int width, FilterAxis rows, in RoundedDivision division, Span<byte> destination, int newWidth)
    {
        var columns = FilterAxis.Of(width, newWidth, PixelsAtOnce);
        var stride = newWidth * Channels;
        var rented = ArrayPool<uint>.Shared.Rent(rows.Taps * stride);
        var sums = rented.AsSpan(0, rows.Taps * stride);
        var done = 0;
        for (var y = 0; y < rows.First.Length; y++)
        {
            // A row stays for every output row that it touches.
            for (var end = rows.First[y] + rows.Taps; done < end; done++)
                AddColumns(source.Slice(done * width * Channels, width * Channels), columns, sums.Slice(done % rows.Taps * stride, stride));
            AddRows(sums, rows.First[y] % rows.Taps, rows.Weights.Slice(y * rows.Taps, rows.Taps), division, destination.Slice(y * newWidth * 3, newWidth * 3));
        }

        ArrayPool<uint>.Shared.Return(rented);
    }

    /// <summary>Of each two columns and four pixels: the weights of the first two pixels, then of the last two, once for every channel.</summary>
    internal static Vector256<short>[] QuadsOf(FilterAxis columns)
    {
        var groups = columns.Taps / PixelsAtOnce;
        var weights = new Vector256<short>[columns.First.Length / 2 * groups * 2];
        for (var i = 0; i < weights.Length; i++)
        {
            var (pair, group, half) = (i / (2 * groups), i / 2 % groups, i % 2);
            var left = (2 * pair * columns.Taps) + (group * PixelsAtOnce) + (half * 2);
            weights[i] = Vector256.Create(Two(left), Two(left + columns.Taps)).AsInt16();
        }

        return weights;

        Vector128<uint> Two(int at) => Vector128.Create(columns.Weights[at] | (columns.Weights[at + 1] << 16));
    }

    private static void AddColumns(ReadOnlySpan<byte> row, FilterAxis columns, Span<uint> sums)
    {
        var groups = columns.Taps / PixelsAtOnce;
        var first = columns.First;
        ref var source = ref MemoryMarshal.GetReference(row);
        ref var target = ref MemoryMarshal.GetReference(sums);
        ref var weight = ref MemoryMarshal.GetReference(columns.Quads);
        for (var x = 0; x < first.Length; x += 2)
        {
            ref var left = ref Unsafe.Add(ref source, first[x] * Channels);
            ref var right = ref Unsafe.Add(ref source, first[x + 1] * Channels);
            var sum = Vector256<int>.Zero;
            for (var group = 0; group < groups; group++, weight = ref Unsafe.Add(ref weight, 2))
            {
                var (one, other) = (Vector128.LoadUnsafe(ref left, (nuint)(group * 16)), Vector128.LoadUnsafe(ref right, (nuint)(group * 16)));
                var firstTwo = Vector256.Create(Vector128.Shuffle(one, FirstTwo), Vector128.Shuffle(other, FirstTwo)).AsInt16();
                var lastTwo = Vector256.Create(Vector128.Shuffle(one, LastTwo), Vector128.Shuffle(other, LastTwo)).AsInt16();
                sum += Avx2.MultiplyAddAdjacent(firstTwo, weight) + Avx2.MultiplyAddAdjacent(lastTwo, Unsafe.Add(ref weight, 1));
            }

            sum.AsUInt32().StoreUnsafe(ref target, (nuint)(x * Channels));
        }
    }

    // The rows lie in a ring.
    private static void AddRows(ReadOnlySpan<uint> sums, int first, ReadOnlySpan<uint> weights, in RoundedDivision division, Span<byte> output)
    {
        var stride = sums.Length / weights.Length;
        ref var source = ref MemoryMarshal.GetReference(sums);
        for (var x = 0; x < stride; x += Vector256<uint>.Count)
        {
            var sum = Vector256<uint>.Zero;
            for (int i = 0, row = first; i < weights.Length; i++, row = row + 1 == weights.Length ? 0 : row + 1)
                sum += Vector256.LoadUnsafe(ref source, (nuint)((row * stride) + x)) * weights[i];
            AreaFilter.WriteTwo(division.Of(sum), output.Slice(x / Channels * 3, 6));
        }
    }
}
