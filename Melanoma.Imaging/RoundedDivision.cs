using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging;

/// <summary>Division by one number, exact and rounded half up, of values whose quotient is a byte.</summary>
internal readonly struct RoundedDivision(ulong divisor)
{
    private readonly ulong _half = divisor / 2;

    // With n < 256 d and m = ceil(2^64 / d), the high half of n m is n / d as long as 256 d^2 < 2^64.
    private readonly ulong _reciprocal = divisor is > 1 and < 1UL << 28 ? (ulong.MaxValue / divisor) + 1 : 0;

    private readonly float _estimate = 1f / divisor;

    /// <summary>Whether 256 times the divisor stays below 2^31, so that all numbers fit 32 bits.</summary>
    public bool IsNarrow => divisor < 1UL << 23;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte Of(ulong value)
    {
        value += _half;
        return (byte)(_reciprocal != 0 ? Math.BigMul(value, _reciprocal, out _) : value / divisor);
    }

    /// <summary>Eight at once; only where <see cref="IsNarrow"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<int> Of(Vector256<uint> values)
    {
        var numerators = (values + Vector256.Create((uint)_half)).AsInt32();

        // Three roundings of 2^-24 at a quotient below 256 are off by far less than 1, so that the remainder shows which neighbour is right.
        var quotients = Vector256.ConvertToInt32Native(Vector256.ConvertToSingle(numerators) * _estimate);
        var divisors = Vector256.Create((int)divisor);
        var remainders = numerators - (quotients * divisors);
        return quotients - Vector256.GreaterThanOrEqual(remainders, divisors) + Vector256.LessThan(remainders, Vector256<int>.Zero);
    }
}
