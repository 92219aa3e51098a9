using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A window of a signature brought to 32 x 32 samples and parted into coarse and fine structure, each with mean 0.</summary>
/// <remarks>Samples are stored column by column. Sums run in one order on every machine.</remarks>
internal sealed class Patch
{
    public const int Side = 32;
    public const int Length = Side * Side;

    private const int Cells = PictureSignature.Side;

    // Gaussian of standard deviation 1.3 samples, cut at 3.
    private const int Reach = 3;
    private static readonly float[] Kernel = [0.0215f, 0.0942f, 0.2287f, 0.3112f, 0.2287f, 0.0942f, 0.0215f];
    private static readonly float[] EdgeGain = EdgeGains();

    private const float MaxStrength = 2;

    private readonly float[] _rows = new float[Side * Cells];
    private readonly float[] _turned = new float[Cells * Side];
    private readonly float[] _samples = new float[Length];
    private readonly float[] _blurred = new float[Side * (Side + (2 * Reach))];

    /// <summary>What a blur of 1.3 samples leaves.</summary>
    public float[] Coarse { get; } = new float[Length];

    /// <summary>What it takes away: hairs, vessels, texture, borders.</summary>
    public float[] Fine { get; } = new float[Length];

    /// <summary>The fine structure cut at twice its mean size, so that one dark spot does not outvote the texture around it.</summary>
    public float[] Detail { get; } = new float[Length];

    /// <summary>Mean size of the fine structure in levels.</summary>
    public float Strength { get; private set; }

    public void Fill(float[] cells, in Stretch across, in Stretch down)
    {
        Resample(cells, Cells, down, _rows);
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Cells; x++)
                _turned[(x * Side) + y] = _rows[(y * Cells) + x];
        }

        Resample(_turned, Side, across, _samples);
        Part();
    }

    // Averages lines of the grid over the exact stretch that each of 32 samples covers; beyond the border its line is repeated.
    private static void Resample(float[] source, int lineLength, in Stretch stretch, float[] target)
    {
        var step = (stretch.To - stretch.From) * Cells / Side;
        var begin = stretch.From * Cells;
        ref var from = ref MemoryMarshal.GetArrayDataReference(source);
        ref var to = ref MemoryMarshal.GetArrayDataReference(target);
        for (var i = 0; i < Side; i++)
        {
            var low = begin + (step * i);
            var high = low + step;
            var first = (int)MathF.Floor(low);
            ref var output = ref Unsafe.Add(ref to, i * lineLength);
            for (var x = 0; x < lineLength; x += Vector256<float>.Count)
                Vector256<float>.Zero.StoreUnsafe(ref output, (nuint)x);
            for (var cell = first; cell < high; cell++)
            {
                var share = (MathF.Min(high, cell + 1) - MathF.Max(low, cell)) / step;
                ref var line = ref Unsafe.Add(ref from, Math.Clamp(cell, 0, Cells - 1) * lineLength);
                var weight = Vector256.Create(share);
                for (nuint x = 0; x < (nuint)lineLength; x += (nuint)Vector256<float>.Count)
                    (Vector256.LoadUnsafe(ref output, x) + (weight * Vector256.LoadUnsafe(ref line, x))).StoreUnsafe(ref output, x);
            }
        }
    }

    private void Part()
    {
        const int Stride = Side + (2 * Reach);
        ref var samples = ref MemoryMarshal.GetArrayDataReference(_samples);
        ref var blurred = ref MemoryMarshal.GetArrayDataReference(_blurred);
        ref var gains = ref MemoryMarshal.GetArrayDataReference(EdgeGain);
        for (var y = 0; y < Side; y++)
        {
            var gain = EdgeGain[y];
            for (var x = 0; x < Side; x += Vector256<float>.Count)
            {
                Vector256<float> sum = default;
                for (var k = Math.Max(-Reach, -y); k <= Math.Min(Reach, Side - 1 - y); k++)
                    sum += Vector256.Create(Kernel[k + Reach] * gain) * Vector256.LoadUnsafe(ref samples, (nuint)(((y + k) * Side) + x));
                sum.StoreUnsafe(ref blurred, (nuint)((y * Stride) + Reach + x));
            }
        }

        Vector256<float> total = default, fineTotal = default;
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x += Vector256<float>.Count)
            {
                Vector256<float> sum = default;
                for (var k = 0; k <= 2 * Reach; k++)
                    sum += Vector256.Create(Kernel[k]) * Vector256.LoadUnsafe(ref blurred, (nuint)((y * Stride) + x + k));
                var coarse = sum * Vector256.LoadUnsafe(ref gains, (nuint)x);
                var fine = Vector256.LoadUnsafe(ref samples, (nuint)((y * Side) + x)) - coarse;
                total += coarse;
                fineTotal += fine;
                coarse.CopyTo(Coarse, (y * Side) + x);
                fine.CopyTo(Fine, (y * Side) + x);
            }
        }

        Centre(Coarse, Vector256.Sum(total) / Length);
        Centre(Fine, Vector256.Sum(fineTotal) / Length);
        Limit();
    }

    private void Limit()
    {
        ref var fine = ref MemoryMarshal.GetArrayDataReference(Fine);
        Vector256<float> sum = default, total = default;
        for (nuint i = 0; i < Length; i += (nuint)Vector256<float>.Count)
            sum += Vector256.Abs(Vector256.LoadUnsafe(ref fine, i));
        Strength = Vector256.Sum(sum) / Length;
        var high = Vector256.Create(MaxStrength * Strength);
        for (nuint i = 0; i < Length; i += (nuint)Vector256<float>.Count)
        {
            var cut = Vector256.Min(high, Vector256.Max(-high, Vector256.LoadUnsafe(ref fine, i)));
            total += cut;
            cut.CopyTo(Detail, (int)i);
        }

        Centre(Detail, Vector256.Sum(total) / Length);
    }

    private static void Centre(float[] values, float mean)
    {
        ref var start = ref MemoryMarshal.GetArrayDataReference(values);
        for (nuint i = 0; i < Length; i += (nuint)Vector256<float>.Count)
            (Vector256.LoadUnsafe(ref start, i) - Vector256.Create(mean)).StoreUnsafe(ref start, i);
    }

    // Near the border the part of the kernel that is left sums to one.
    private static float[] EdgeGains()
    {
        var gains = new float[Side];
        for (var i = 0; i < Side; i++)
        {
            float sum = 0;
            for (var k = Math.Max(-Reach, -i); k <= Math.Min(Reach, Side - 1 - i); k++)
                sum += Kernel[k + Reach];
            gains[i] = 1 / sum;
        }

        return gains;
    }
}
