namespace Melanoma.Samples;

/// <summary>SplitMix64: the same numbers for the same seed on every runtime.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = Mix(seed + 0x9E3779B97F4A7C15);

    public static ulong Combine(params ReadOnlySpan<int> parts)
    {
        ulong hash = 0;
        foreach (var part in parts)
            hash = Mix(hash ^ (uint)part);
        return hash;
    }

    /// <summary>0 (included) to 1 (excluded).</summary>
    public float Next()
    {
        _state += 0x9E3779B97F4A7C15;
        return (Mix(_state) >> 40) / 16_777_216f;
    }

    public float Between(float low, float high) => low + ((high - low) * Next());

    public int Below(int count) => (int)(Next() * count);

    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
