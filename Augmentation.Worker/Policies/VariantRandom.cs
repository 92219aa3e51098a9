using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Melanoma.Augmentation.Policies;

/// <summary>
/// The randomness of one variant, from seed, policy and ordinal alone: whoever makes the variant, on whatever machine,
/// draws the same. xoshiro256** 1.0 (Blackman and Vigna, 2018, prng.di.unimi.it), its 256 bits of state taken
/// little-endian from SHA-256("melanoma/PURPOSE/POLICY/SEED/ORDINAL" in UTF-8, numbers in decimal).
/// </summary>
internal struct VariantRandom
{
    private ulong _s0, _s1, _s2, _s3;

    private VariantRandom(ReadOnlySpan<byte> state)
    {
        _s0 = BinaryPrimitives.ReadUInt64LittleEndian(state);
        _s1 = BinaryPrimitives.ReadUInt64LittleEndian(state[8..]);
        _s2 = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        _s3 = BinaryPrimitives.ReadUInt64LittleEndian(state[24..]);
    }

    /// <summary>The draws that choose a variant's parent and what is done to it.</summary>
    public static VariantRandom ForVariant(string policy, int seed, int ordinal) => Create("variant", policy, seed, ordinal);

    /// <summary>A draw that orders variants for a split, independent of what is done to them.</summary>
    public static VariantRandom ForSplit(string policy, int seed, int ordinal) => Create("split", policy, seed, ordinal);

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A whole number from 0 to <paramref name="bound"/> - 1, each as likely as the others.</summary>
    /// <param name="bound">1 or more.</param>
    public int Below(int bound)
    {
        // Draws from the incomplete last stretch of the 64-bit range would favour small numbers and are drawn again.
        var range = (ulong)bound;
        var excess = (ulong.MaxValue % range) + 1;
        var limit = excess == range ? 0 : ulong.MaxValue - excess + 1;
        ulong draw;
        do
        {
            draw = Next();
        }
        while (limit != 0 && draw >= limit);

        return (int)(draw % range);
    }

    /// <summary>True with the given probability, in steps of 1/1000.</summary>
    /// <param name="thousandths">0 to 1000.</param>
    public bool Chance(int thousandths) => Below(1000) < thousandths;

    private static VariantRandom Create(string purpose, string policy, int seed, int ordinal) =>
        new(SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"melanoma/{purpose}/{policy}/{seed}/{ordinal}"))));
}
