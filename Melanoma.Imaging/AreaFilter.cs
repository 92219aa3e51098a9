using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Melanoma.Imaging;

/// <summary>
/// The one geometry of the product, for training and for serving: a picture is brought to another size, whole, each axis by itself.
/// A shrinking axis is averaged over the exact area that an output pixel covers, a growing one is interpolated linearly (pixel centres at half integers).
/// </summary>
/// <remarks>
/// All arithmetic is in integers: the weights are exact fractions with one denominator per axis and the quotient is rounded once, half up.
/// The result is therefore the exact one, the same bytes on every machine, and flips and quarter turns commute with it.
/// </remarks>
public static class AreaFilter
{
    /// <summary>Longest output side in pixels.</summary>
    public const int MaxOutputSide = 4096;

    /// <summary>Brings a picture to another size.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">Output width, 1 to <see cref="MaxOutputSide"/> pixels.</param>
    /// <param name="height">Output height, 1 to <see cref="MaxOutputSide"/> pixels.</param>
    public static RgbImage Resize(RgbImage image, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);
        var result = new RgbImage(width, height);
        Resize(image.Pixels, image.Width, image.Height, 3, result.Pixels, width, height);
        return result;
    }

    /// <summary>Brings the whole picture to a square, changing its aspect ratio.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="side">Output side, 1 to <see cref="MaxOutputSide"/> pixels.</param>
    /// <param name="destination">Receives side x side x 3 bytes (HWC, RGB); exactly that long.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public static void ToSquare(RgbImage image, int side, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        Resize(image.Pixels, image.Width, image.Height, 3, destination, side, side);
    }

    /// <summary>Reads pixels of 3 or 4 bytes (the fourth is passed over) and writes pixels of 3 bytes.</summary>
    internal static void Resize(ReadOnlySpan<byte> source, int width, int height, int channels, Span<byte> destination, int newWidth, int newHeight)
    {
        CheckOutput(newWidth, newHeight, destination.Length);
        if (width == newWidth && height == newHeight)
        {
            Orientation.Apply(source, width, height, channels, 1, destination);
            return;
        }

        var stride = width * channels;
        var rows = new Axis(height, newHeight);
        var columns = new Axis(width, newWidth);
        var divisor = new Divisor((ulong)rows.Total * columns.Total);
        var sums = new uint[stride];
        for (var y = 0; y < newHeight; y++)
        {
            Array.Clear(sums);
            var weights = rows.Weights(y, out var first);
            for (var i = 0; i < weights.Length; i++)
                AddRow(sums, source.Slice((first + i) * stride, stride), weights[i]);
            Narrow(sums, channels, columns, divisor, destination.Slice(y * newWidth * 3, newWidth * 3));
        }
    }

    internal static void CheckOutput(int newWidth, int newHeight, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(newWidth);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(newHeight);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(newWidth, MaxOutputSide);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(newHeight, MaxOutputSide);
        if (length != newWidth * newHeight * 3)
            throw new ArgumentException($"{newWidth} x {newHeight} pixels need {newWidth * newHeight * 3} bytes, not {length}.", nameof(length));
    }

    // At most 255 x 65,535: the sums cannot overflow.
    private static void AddRow(Span<uint> sums, ReadOnlySpan<byte> row, uint weight)
    {
        var at = 0;
        if (Vector.IsHardwareAccelerated)
        {
            var step = Vector<byte>.Count;
            var lanes = Vector<uint>.Count;
            ref var source = ref MemoryMarshal.GetReference(row);
            ref var target = ref MemoryMarshal.GetReference(sums);
            var factor = new Vector<uint>(weight);
            for (; at <= row.Length - step; at += step)
            {
                Vector.Widen(Vector.LoadUnsafe(ref source, (nuint)at), out var low, out var high);
                Vector.Widen(low, out var a, out var b);
                Vector.Widen(high, out var c, out var d);
                ref var here = ref Unsafe.Add(ref target, at);
                Accumulate(ref here, 0, a * factor);
                Accumulate(ref here, lanes, b * factor);
                Accumulate(ref here, 2 * lanes, c * factor);
                Accumulate(ref here, 3 * lanes, d * factor);
            }
        }

        for (; at < row.Length; at++)
            sums[at] += row[at] * weight;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(ref uint target, int offset, Vector<uint> values) =>
        (Vector.LoadUnsafe(ref target, (nuint)offset) + values).StoreUnsafe(ref target, (nuint)offset);

    private static void Narrow(ReadOnlySpan<uint> sums, int channels, Axis columns, in Divisor divisor, Span<byte> output)
    {
        for (var x = 0; x < output.Length / 3; x++)
        {
            var weights = columns.Weights(x, out var first);
            ulong red = 0, green = 0, blue = 0;
            var at = first * channels;
            foreach (var weight in weights)
            {
                red += (ulong)sums[at] * weight;
                green += (ulong)sums[at + 1] * weight;
                blue += (ulong)sums[at + 2] * weight;
                at += channels;
            }

            output[3 * x] = divisor.Rounded(red);
            output[(3 * x) + 1] = divisor.Rounded(green);
            output[(3 * x) + 2] = divisor.Rounded(blue);
        }
    }

    /// <summary>For each output position, which input positions count and with what share of <see cref="Total"/>.</summary>
    private sealed class Axis
    {
        private readonly int[] _first;
        private readonly int[] _start;
        private readonly uint[] _weights;

        public Axis(int from, int to)
        {
            _first = new int[to];
            _start = new int[to + 1];
            var shrinks = to <= from;
            Total = shrinks ? (uint)from : 2 * (uint)to;
            var weights = new List<uint>(shrinks ? from + to : 2 * to);
            for (var i = 0; i < to; i++)
            {
                if (shrinks)
                    AddArea(weights, i, from, to);
                else
                    AddLinear(weights, i, from, to);
                _start[i + 1] = weights.Count;
            }

            _weights = [.. weights];
        }

        public uint Total { get; }

        public ReadOnlySpan<uint> Weights(int i, out int first)
        {
            first = _first[i];
            return _weights.AsSpan(_start[i], _start[i + 1] - _start[i]);
        }

        // In units of 1/to of an input pixel, the output covers [i from, (i + 1) from) and input j covers [j to, (j + 1) to).
        private void AddArea(List<uint> weights, int i, int from, int to)
        {
            long begin = (long)i * from, end = begin + from;
            var j = begin / to;
            _first[i] = (int)j;
            for (; j * to < end; j++)
                weights.Add((uint)(Math.Min(end, (j + 1) * to) - Math.Max(begin, j * to)));
        }

        // The centre of output i lies at ((2i + 1) from - to) / (2 to) between the centres of the inputs.
        private void AddLinear(List<uint> weights, int i, int from, int to)
        {
            var centre = Math.Clamp((((2L * i) + 1) * from) - to, 0, 2L * to * (from - 1));
            var share = (uint)(centre % (2 * to));
            _first[i] = (int)(centre / (2 * to));
            weights.Add((2 * (uint)to) - share);
            if (share > 0)
                weights.Add(share);
        }
    }

    /// <summary>Exact rounded division by one number: a multiplication where that is proven exact, else a division.</summary>
    private readonly struct Divisor(ulong divisor)
    {
        private readonly ulong _half = divisor / 2;

        // With n < 256 d and m = ceil(2^64 / d), the high half of n m is n / d as long as 256 d^2 < 2^64.
        private readonly ulong _reciprocal = divisor is > 1 and < 1UL << 28 ? (ulong.MaxValue / divisor) + 1 : 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public byte Rounded(ulong value)
        {
            value += _half;
            return (byte)(_reciprocal != 0 ? Math.BigMul(value, _reciprocal, out _) : value / divisor);
        }
    }
}
