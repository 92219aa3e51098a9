using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

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

        var rows = FilterAxis.Of(height, newHeight);
        var division = new RoundedDivision((ulong)rows.Total * FilterAxis.TotalOf(width, newWidth));
        if (division.IsNarrow && QuadFilter.Takes(width, newWidth, channels))
        {
            QuadFilter.Resize(source, width, rows, division, destination, newWidth);
            return;
        }

        var columns = FilterAxis.Of(width, newWidth);
        var stride = width * channels;

        // Pixels are read four values at once, also the last one of three.
        var sums = ArrayPool<uint>.Shared.Rent(stride + 1);
        for (var y = 0; y < newHeight; y++)
        {
            AddRows(source[(rows.First[y] * stride)..], rows.Weights.Slice(y * rows.Taps, rows.Taps), sums.AsSpan(0, stride));
            var output = destination.Slice(y * newWidth * 3, newWidth * 3);
            if (division.IsNarrow)
                AddColumns(sums, channels, columns, division, output);
            else
                AddWideColumns(sums, channels, columns, division, output);
        }

        ArrayPool<uint>.Shared.Return(sums);
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

    /// <summary>Writes red, green and blue of two pixels, of which each has a fourth number that is passed over.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void WriteTwo(Vector256<int> pixels, Span<byte> output)
    {
        var left = Vector128.Shuffle(pixels.GetLower().AsByte(), Vector128.Create((byte)0, 4, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255));
        var right = Vector128.Shuffle(pixels.GetUpper().AsByte(), Vector128.Create((byte)255, 255, 255, 0, 4, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255));
        var both = (left | right).AsUInt64().ToScalar();
        BinaryPrimitives.WriteUInt32LittleEndian(output, (uint)both);
        BinaryPrimitives.WriteUInt16LittleEndian(output[4..], (ushort)(both >> 32));
    }

    // At most 255 x 65,535: the sums cannot overflow.
    private static void AddRows(ReadOnlySpan<byte> rows, ReadOnlySpan<uint> weights, Span<uint> sums)
    {
        var at = 0;
        ref var source = ref MemoryMarshal.GetReference(rows);
        ref var target = ref MemoryMarshal.GetReference(sums);
        for (; at <= sums.Length - Vector128<byte>.Count; at += Vector128<byte>.Count)
        {
            Vector256<uint> low = default, high = default;
            for (var i = 0; i < weights.Length; i++)
            {
                var (left, right) = Vector256.Widen(Vector256.WidenLower(Vector128.LoadUnsafe(ref source, (nuint)((i * sums.Length) + at)).ToVector256Unsafe()));
                low += left * weights[i];
                high += right * weights[i];
            }

            low.StoreUnsafe(ref target, (nuint)at);
            high.StoreUnsafe(ref target, (nuint)(at + Vector256<uint>.Count));
        }

        for (; at < sums.Length; at++)
        {
            uint sum = 0;
            for (var i = 0; i < weights.Length; i++)
                sum += rows[(i * sums.Length) + at] * weights[i];
            sums[at] = sum;
        }
    }

    // Two pixels at a time.
    private static void AddColumns(
        ReadOnlySpan<uint> sums, int channels, FilterAxis columns, in RoundedDivision division, Span<byte> output)
    {
        var taps = columns.Taps;
        var first = columns.First;
        ref var source = ref MemoryMarshal.GetReference(sums);
        ref var weights = ref MemoryMarshal.GetReference(columns.Pairs);
        for (var x = 0; x < first.Length; x += 2, weights = ref Unsafe.Add(ref weights, taps))
        {
            ref var left = ref Unsafe.Add(ref source, first[x] * channels);
            ref var right = ref Unsafe.Add(ref source, first[Math.Min(x + 1, first.Length - 1)] * channels);
            var sum = Vector256.Create(Vector128.LoadUnsafe(ref left), Vector128.LoadUnsafe(ref right)) * weights;
            for (var i = 1; i < taps; i++)
            {
                var at = (nuint)(i * channels);
                sum += Vector256.Create(Vector128.LoadUnsafe(ref left, at), Vector128.LoadUnsafe(ref right, at)) * Unsafe.Add(ref weights, i);
            }

            var pixels = division.Of(sum);
            if (x + 1 < first.Length)
                WriteTwo(pixels, output.Slice(3 * x, 6));
            else
                (output[3 * x], output[(3 * x) + 1], output[(3 * x) + 2]) = ((byte)pixels[0], (byte)pixels[1], (byte)pixels[2]);
        }
    }

    /// <summary>The weights of two columns next to each other, each for the values of its pixel.</summary>
    internal static Vector256<uint>[] PairsOf(FilterAxis columns)
    {
        var pairs = new Vector256<uint>[(columns.First.Length + 1) / 2 * columns.Taps];
        for (var i = 0; i < pairs.Length; i++)
        {
            var left = (i / columns.Taps * 2 * columns.Taps) + (i % columns.Taps);
            var right = Math.Min(left + columns.Taps, columns.Weights.Length - 1);
            pairs[i] = Vector256.Create(Vector128.Create(columns.Weights[left]), Vector128.Create(columns.Weights[right]));
        }

        return pairs;
    }

    private static void AddWideColumns(ReadOnlySpan<uint> sums, int channels, FilterAxis columns, in RoundedDivision division, Span<byte> output)
    {
        for (var x = 0; x < output.Length / 3; x++)
        {
            ulong red = 0, green = 0, blue = 0;
            var at = columns.First[x] * channels;
            foreach (var weight in columns.Weights.Slice(x * columns.Taps, columns.Taps))
            {
                red += (ulong)sums[at] * weight;
                green += (ulong)sums[at + 1] * weight;
                blue += (ulong)sums[at + 2] * weight;
                at += channels;
            }

            output[3 * x] = division.Of(red);
            output[(3 * x) + 1] = division.Of(green);
            output[(3 * x) + 2] = division.Of(blue);
        }
    }
}
