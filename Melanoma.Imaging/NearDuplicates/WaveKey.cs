using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>
/// What a window of a picture looks like from afar: the 24 lowest cosine waves (numbers 0 to 4 along each axis without the mean) of its brightness, companded to -90 to 90.
/// Mirroring changes the signs of the odd waves and turning swaps the axes, so all eight positions of a picture are read from one key.
/// </summary>
[InlineArray(Length)]
internal struct WaveKey
{
    /// <summary>Numbers in a key; the wave u across and v down stands at v x 5 + u - 1.</summary>
    public const int Length = (FrameInterval.WaveCount * FrameInterval.WaveCount) - 1;

    private const int Waves = FrameInterval.WaveCount;
    private const int Side = PictureSignature.Side;

    // Differences of two stay squarable in 16 bits.
    internal const int Limit = 90;
    private const int StepsPerDoubling = 13;

    // The usual size of each wave in levels, the median over dermoscopic pictures.
    private static readonly float[] Usual =
    [
        0, 3.1f, 8.5f, 2.1f, 3.5f,
        3.1f, 1.4f, 1.7f, 1.1f, 0.8f,
        8.5f, 1.7f, 9, 1.7f, 2.4f,
        2.1f, 1.1f, 1.7f, 1.2f, 1,
        3.5f, 0.8f, 2.4f, 1, 1.3f,
    ];

    private sbyte _first;

    /// <summary>Wave 1 across.</summary>
    public readonly int Across => this[0];

    /// <summary>Wave 1 down.</summary>
    public readonly int Down => this[Waves - 1];

    /// <summary>The keys of windows; those next to each other that share their rows share the work on them.</summary>
    /// <param name="cells">Brightness of 40 x 40 cells.</param>
    /// <param name="windows">The windows.</param>
    public static WaveKey[] Of(float[] cells, FrameWindow[] windows)
    {
        var keys = new WaveKey[windows.Length];
        Span<float> rows = stackalloc float[Waves * Side];
        FrameInterval? down = null;
        for (var i = 0; i < windows.Length; i++)
        {
            if (windows[i].Down != down)
                Transform(cells, down = windows[i].Down, rows);
            keys[i] = Of(rows, windows[i].Across);
        }

        return keys;
    }

    // The five waves down of each column.
    private static void Transform(float[] cells, FrameInterval down, Span<float> rows)
    {
        ref var source = ref MemoryMarshal.GetArrayDataReference(cells);
        ref var target = ref MemoryMarshal.GetReference(rows);
        for (var v = 0; v < Waves; v++)
        {
            Vector256<float> a = default, b = default, c = default, d = default, e = default;
            for (var y = 0; y < Side; y++)
            {
                var wave = Vector256.Create(down.Waves[(v * Side) + y]);
                ref var row = ref Unsafe.Add(ref source, y * Side);
                a += wave * Vector256.LoadUnsafe(ref row);
                b += wave * Vector256.LoadUnsafe(ref row, 8);
                c += wave * Vector256.LoadUnsafe(ref row, 16);
                d += wave * Vector256.LoadUnsafe(ref row, 24);
                e += wave * Vector256.LoadUnsafe(ref row, 32);
            }

            ref var to = ref Unsafe.Add(ref target, v * Side);
            a.StoreUnsafe(ref to);
            b.StoreUnsafe(ref to, 8);
            c.StoreUnsafe(ref to, 16);
            d.StoreUnsafe(ref to, 24);
            e.StoreUnsafe(ref to, 32);
        }
    }

    private static WaveKey Of(ReadOnlySpan<float> rows, FrameInterval across)
    {
        WaveKey key = default;
        ref var partial = ref MemoryMarshal.GetReference(rows);
        ref var waves = ref MemoryMarshal.GetArrayDataReference(across.Waves);
        for (var v = 0; v < Waves; v++)
        {
            for (var u = v == 0 ? 1 : 0; u < Waves; u++)
            {
                Vector256<float> sum = default;
                for (var x = 0; x < Side; x += Vector256<float>.Count)
                    sum += Vector256.LoadUnsafe(ref partial, (nuint)((v * Side) + x)) * Vector256.LoadUnsafe(ref waves, (nuint)((u * Side) + x));
                key[(v * Waves) + u - 1] = Compand(Vector256.Sum(sum), Usual[(v * Waves) + u]);
            }
        }

        return key;
    }

    /// <summary>The key of the picture laid on itself by a symmetry.</summary>
    public readonly WaveKey Under(Symmetry symmetry)
    {
        WaveKey result = default;
        for (int v = 0, at = 0; v < Waves; v++)
        {
            for (var u = v == 0 ? 1 : 0; u < Waves; u++, at++)
            {
                var value = this[symmetry.Swaps ? (u * Waves) + v - 1 : at];
                var negative = (symmetry.MirrorsAcross && (u & 1) != 0) ^ (symmetry.MirrorsDown && (v & 1) != 0);
                result[at] = (sbyte)(negative ? -value : value);
            }
        }

        return result;
    }

    /// <summary>Squared Euclidean distance.</summary>
    public static int Distance(in WaveKey a, in WaveKey b)
    {
        ref var left = ref Unsafe.As<WaveKey, sbyte>(ref Unsafe.AsRef(in a));
        ref var right = ref Unsafe.As<WaveKey, sbyte>(ref Unsafe.AsRef(in b));
        var head = Vector256.WidenLower(Vector128.LoadUnsafe(ref left).ToVector256Unsafe()) - Vector256.WidenLower(Vector128.LoadUnsafe(ref right).ToVector256Unsafe());
        var tail = Vector128.WidenLower(Vector64.LoadUnsafe(ref left, 16).ToVector128Unsafe()) - Vector128.WidenLower(Vector64.LoadUnsafe(ref right, 16).ToVector128Unsafe());
        // Squares of at most 180 fit 16 bits, sums of them do not.
        var squares = head * head;
        var rest = tail * tail;
        var (low, high) = Vector256.Widen(squares.AsUInt16());
        var (restLow, restHigh) = Vector128.Widen(rest.AsUInt16());
        return (int)(Vector256.Sum(low + high) + Vector128.Sum(restLow + restHigh));
    }

    // Sign times log2(1 + |value| / usual), linear between powers of two: exact arithmetic, so the same everywhere.
    private static sbyte Compand(float value, float usual)
    {
        var ratio = 1 + (Math.Abs(value) / usual);
        var doublings = Math.ILogB(ratio);
        var steps = StepsPerDoubling * (doublings + (ratio / (1 << doublings)) - 1);
        var rounded = (int)Math.Min(Limit, steps + 0.5f);
        return (sbyte)(value < 0 ? -rounded : rounded);
    }
}
