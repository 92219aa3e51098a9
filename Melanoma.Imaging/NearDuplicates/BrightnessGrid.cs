using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>Averages a 128 x 128 picture to the brightness of 40 x 40 cells, each over its exact area, in integers and with one rounding.</summary>
internal static class BrightnessGrid
{
    private const int Source = PictureSignature.SourceSide;
    private const int Side = PictureSignature.Side;
    private const int RowLength = Source * 3;

    // A cell is 3.2 pixels wide: 16 fifths of a pixel.
    private const int PixelParts = 5;
    private const int CellParts = Source * PixelParts / Side;
    private const int Divisor = 256 * CellParts * CellParts;

    private static readonly (int First, Vector256<int> Shares)[] Columns = [.. Enumerable.Range(0, Side).Select(ColumnOf)];

    public static void Fill(ReadOnlySpan<byte> pixels, Span<byte> cells)
    {
        // At most 16 x 255 a sum.
        Span<ushort> sums = stackalloc ushort[RowLength];
        Span<int> brightness = stackalloc int[Source];
        for (var row = 0; row < Side; row++)
        {
            sums.Clear();
            var begin = row * CellParts;
            var end = begin + CellParts;
            for (var y = begin / PixelParts; y * PixelParts < end; y++)
                Add(sums, pixels.Slice(y * RowLength, RowLength), (ushort)Overlap(y, begin, end));
            for (int x = 0, at = 0; x < Source; x++, at += 3)
                brightness[x] = (77 * sums[at]) + (150 * sums[at + 1]) + (29 * sums[at + 2]);
            Narrow(brightness, cells.Slice(row * Side, Side));
        }
    }

    // A cell touches four pixels.
    private static void Narrow(ReadOnlySpan<int> brightness, Span<byte> cells)
    {
        ref var source = ref MemoryMarshal.GetReference(brightness);
        for (var column = 0; column < cells.Length; column++)
        {
            var (first, shares) = Columns[column];
            cells[column] = (byte)((Vector256.Sum(Vector256.LoadUnsafe(ref source, (nuint)first) * shares) + (Divisor / 2)) / Divisor);
        }
    }

    private static (int First, Vector256<int> Shares) ColumnOf(int column)
    {
        var begin = column * CellParts;
        var first = Math.Min(begin / PixelParts, Source - Vector256<int>.Count);
        var shares = new int[Vector256<int>.Count];
        for (var i = 0; i < shares.Length; i++)
            shares[i] = Math.Max(0, Overlap(first + i, begin, begin + CellParts));
        return (first, Vector256.Create(shares));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Overlap(int pixel, int begin, int end) => Math.Min(end, (pixel + 1) * PixelParts) - Math.Max(begin, pixel * PixelParts);

    private static void Add(Span<ushort> sums, ReadOnlySpan<byte> row, ushort weight)
    {
        ref var source = ref MemoryMarshal.GetReference(row);
        ref var target = ref MemoryMarshal.GetReference(sums);
        var factor = Vector256.Create(weight);
        for (nuint at = 0; at < RowLength; at += (nuint)Vector256<byte>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref source, at));
            (Vector256.LoadUnsafe(ref target, at) + (low * factor)).StoreUnsafe(ref target, at);
            var next = at + (nuint)Vector256<ushort>.Count;
            (Vector256.LoadUnsafe(ref target, next) + (high * factor)).StoreUnsafe(ref target, next);
        }
    }
}
