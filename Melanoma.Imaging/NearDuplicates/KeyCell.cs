namespace Melanoma.Imaging.NearDuplicates;

/// <summary>The coarse cell that a key falls into, and its neighbours across near borders: the addresses of the index's hash table.</summary>
internal static class KeyCell
{
    /// <summary>Most cells that one key is sought in.</summary>
    public const int MaxProbes = 1 << MaxBorders;

    private const int MaxBorders = 5;
    private const int Width = 10;
    private const int FieldBits = 5;

    // A border nearer than this may lie between a picture and its copy.
    private const int Near = 3;

    // Above every negative value, so that division rounds down.
    private const int Offset = 96;

    // The longest waves, across + down: 2+0, 0+2, 2+2, 1+0, 0+1, 4+0, 0+4, 1+1, 3+0, 0+3, 2+1, 1+2.
    private static ReadOnlySpan<byte> Positions => [1, 9, 11, 0, 4, 3, 19, 5, 2, 14, 6, 10];

    /// <summary>The address of the key's own cell.</summary>
    public static uint Of(in WaveKey key)
    {
        ulong cell = 0;
        for (var i = 0; i < Positions.Length; i++)
            cell |= (ulong)((key[Positions[i]] + Offset) / Width) << (i * FieldBits);
        return Hash(cell);
    }

    /// <summary>Writes the addresses of the key's cell and of those behind its nearest borders.</summary>
    /// <returns>How many, a power of two.</returns>
    public static int Probes(in WaveKey key, Span<uint> addresses)
    {
        ulong cell = 0;
        Span<ulong> steps = stackalloc ulong[MaxBorders];
        Span<int> distances = stackalloc int[MaxBorders];
        var borders = 0;
        for (var i = 0; i < Positions.Length; i++)
        {
            var value = key[Positions[i]] + Offset;
            cell |= (ulong)(value / Width) << (i * FieldBits);
            var below = value % Width;
            var distance = Math.Min(below + 1, Width - below);
            if (distance > Near)
                continue;
            // Two's complement: adding it takes one from the field.
            var step = below + 1 == distance ? unchecked((ulong)-(1L << (i * FieldBits))) : 1UL << (i * FieldBits);
            borders = Insert(steps, distances, borders, step, distance);
        }

        var count = 1 << borders;
        for (var subset = 0; subset < count; subset++)
        {
            var moved = cell;
            for (var b = 0; b < borders; b++)
                moved += (subset >> b & 1) != 0 ? steps[b] : 0;
            addresses[subset] = Hash(moved);
        }

        return count;
    }

    // Keeps the nearest borders, nearest first.
    private static int Insert(Span<ulong> steps, Span<int> distances, int count, ulong step, int distance)
    {
        var at = count;
        while (at > 0 && distances[at - 1] > distance)
            at--;
        if (at == MaxBorders)
            return count;
        var last = Math.Min(count, MaxBorders - 1);
        for (var i = last; i > at; i--)
            (steps[i], distances[i]) = (steps[i - 1], distances[i - 1]);
        (steps[at], distances[at]) = (step, distance);
        return last + 1;
    }

    // The high half of a product with 2^64 / golden ratio.
    private static uint Hash(ulong cell)
    {
        var mixed = (cell ^ (cell >> 23)) * 0x9E3779B97F4A7C15UL;
        return (uint)((mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9UL >> 32);
    }
}
