using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging;

/// <summary>Division by one number, exact and rounded half up, of values whose quotient is a byte.</summary>
internal readonly struct RoundedDivision(ulong divisor)
{
    private readonly ulong _divisor = divisor;

    // With n < 256 d and m = ceil(2^64 / d), the high half of n m is n / d as long as 256 d^2 < 2^64.
    private readonly ulong _reciprocal = divisor is > 1 and < 1UL << 28 ? (ulong.MaxValue / divisor) + 1 : 0;

    private readonly Vector256<int> _divisors = Vector256.Create((int)divisor);
    private readonly Vector256<int> _halves = Vector256.Create((int)divisor / 2);
    private readonly Vector256<float> _estimates = Vector256.Create(1f / divisor);

    /// <summary>Whether 256 times the divisor stays below 2^31, so that all numbers fit 32 bits.</summary>
    public bool IsNarrow => _divisor < 1UL << 23;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte Of(ulong value)
    {
        value += _divisor / 2;
        return (byte)(_reciprocal != 0 ? Math.BigMul(value, _reciprocal, out _) : value / _divisor);
    }

    /// <summary>Eight at once; only where <see cref="IsNarrow"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<int> Of(Vector256<uint> values)
    {
        var numerators = values.AsInt32() + _halves;

        // Three roundings of 2^-24 at a quotient below 256 are off by far less than 1, so that the remainder shows which neighbour is right.
        var quotients = Vector256.ConvertToInt32Native(Vector256.ConvertToSingle(numerators) * _estimates);
        var remainders = numerators - (quotients * _divisors);
        return quotients - Vector256.GreaterThanOrEqual(remainders, _divisors) + Vector256.LessThan(remainders, Vector256<int>.Zero);
    }
}
