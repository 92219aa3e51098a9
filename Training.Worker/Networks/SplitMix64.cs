namespace Melanoma.Training.Networks;

/// <summary>
/// A small random generator whose sequence is fixed for ever (Steele, Lea, Flood 2014). It is started afresh from
/// (seed, epoch, step, ...), so that any point of a run can be reached without what came before it.
/// </summary>
internal struct SplitMix64(ulong state)
{
    private ulong _state = state;

    /// <summary>A generator for one purpose of one place in a run.</summary>
    public static SplitMix64 At(params ReadOnlySpan<long> place)
    {
        var mixer = new SplitMix64(0x6d656c616e6f6d61);
        foreach (var part in place)
        {
            mixer = new SplitMix64(mixer.Next() ^ unchecked((ulong)part * 0xff51afd7ed558ccdUL));
        }

        return mixer;
    }

    public ulong Next()
    {
        var z = _state += 0x9e3779b97f4a7c15UL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public float Between(double low, double high) => (float)(low + ((high - low) * NextDouble()));

    /// <summary>Uniform in 0 .. count-1.</summary>
    public int Below(int count) => (int)(((UInt128)Next() * (ulong)count) >> 64);

    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
