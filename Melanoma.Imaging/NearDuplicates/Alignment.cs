using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>
/// One step of the Lucas-Kanade method with four unknowns: by how much a patch must be moved and lengthened along each axis to fall on another.
/// B. D. Lucas, T. Kanade, An iterative image registration technique with an application to stereo vision, IJCAI 1981.
/// </summary>
internal static class Alignment
{
    private const int Side = Patch.Side;
    private const int Unknowns = 4;

    /// <summary>Correlation of two patches of mean 0, -1 to 1; 0 where one is flat.</summary>
    public static float Correlation(float[] a, float[] b)
    {
        Vector256<float> cross = default, squaresA = default, squaresB = default;
        ref var left = ref MemoryMarshal.GetArrayDataReference(a);
        ref var right = ref MemoryMarshal.GetArrayDataReference(b);
        for (nuint i = 0; i < Patch.Length; i += (nuint)Vector256<float>.Count)
        {
            var x = Vector256.LoadUnsafe(ref left, i);
            var y = Vector256.LoadUnsafe(ref right, i);
            cross += x * y;
            squaresA += x * x;
            squaresB += y * y;
        }

        var product = Vector256.Sum(squaresA) * Vector256.Sum(squaresB);
        return product > 0 ? Vector256.Sum(cross) / MathF.Sqrt(product) : 0;
    }

    /// <summary>Mean square of a patch.</summary>
    public static float Power(float[] patch)
    {
        Vector256<float> sum = default;
        ref var start = ref MemoryMarshal.GetArrayDataReference(patch);
        for (nuint i = 0; i < Patch.Length; i += (nuint)Vector256<float>.Count)
        {
            var x = Vector256.LoadUnsafe(ref start, i);
            sum += x * x;
        }

        return Vector256.Sum(sum) / Patch.Length;
    }

    /// <summary>Finds the step that brings <paramref name="moving"/> towards <paramref name="target"/>.</summary>
    /// <returns>False where the patch has too little structure to tell.</returns>
    public static bool TryStep(float[] target, float[] moving, out Step step)
    {
        step = default;
        var targetPower = Power(target);
        if (targetPower <= 0)
            return false;
        ref var wanted = ref MemoryMarshal.GetArrayDataReference(target);
        ref var have = ref MemoryMarshal.GetArrayDataReference(moving);
        var gain = Vector256.Create(MathF.Max(0.5f, MathF.Min(2, MathF.Sqrt(Power(moving) / targetPower))));
        Span<Vector256<float>> sums = stackalloc Vector256<float>[14];
        sums.Clear();
        var ramp = Vector256.Create(0f, 1, 2, 3, 4, 5, 6, 7);
        var half = Vector256.Create(0.5f);
        // Rows of the stored patch are columns of the picture; the outermost samples have no neighbours to differ from.
        for (var x = 1; x < Side - 1; x++)
        {
            var fromMiddle = Vector256.Create(x - ((Side - 1) / 2f));
            for (var y = 1; y < Side - 1; y += Vector256<float>.Count)
            {
                var at = (nuint)((x * Side) + y);
                // The last eight of a row begin at 25; what was summed before counts with zero.
                var across = (Vector256.LoadUnsafe(ref have, at + Side) - Vector256.LoadUnsafe(ref have, at - Side)) * half;
                var down = (Vector256.LoadUnsafe(ref have, at + 1) - Vector256.LoadUnsafe(ref have, at - 1)) * half;
                if (y + Vector256<float>.Count > Side - 1)
                {
                    across *= Tail;
                    down *= Tail;
                }

                var missing = (gain * Vector256.LoadUnsafe(ref wanted, at)) - Vector256.LoadUnsafe(ref have, at);
                var acrossGrowth = across * fromMiddle;
                var downGrowth = down * (ramp + Vector256.Create(y - ((Side - 1) / 2f)));
                sums[0] += across * across;
                sums[1] += across * acrossGrowth;
                sums[2] += across * down;
                sums[3] += across * downGrowth;
                sums[4] += acrossGrowth * acrossGrowth;
                sums[5] += acrossGrowth * down;
                sums[6] += acrossGrowth * downGrowth;
                sums[7] += down * down;
                sums[8] += down * downGrowth;
                sums[9] += downGrowth * downGrowth;
                sums[10] += across * missing;
                sums[11] += acrossGrowth * missing;
                sums[12] += down * missing;
                sums[13] += downGrowth * missing;
            }
        }

        Span<float> matrix = stackalloc float[Unknowns * Unknowns];
        Span<float> solution = stackalloc float[Unknowns];
        for (int i = 0, at = 0; i < Unknowns; i++)
        {
            for (var j = i; j < Unknowns; j++, at++)
                matrix[(i * Unknowns) + j] = matrix[(j * Unknowns) + i] = Vector256.Sum(sums[at]);
            solution[i] = Vector256.Sum(sums[10 + i]);
        }

        if (!Solve(matrix, solution))
            return false;
        step = new(solution[0], solution[1], solution[2], solution[3]);
        return true;
    }

    private static Vector256<float> Tail => Vector256.Create(1f, 1, 1, 1, 1, 1, 0, 0);

    // Cholesky; the matrix is symmetric and positive where there is structure in both directions.
    private static bool Solve(Span<float> matrix, Span<float> right)
    {
        for (var j = 0; j < Unknowns; j++)
        {
            for (var i = j; i < Unknowns; i++)
            {
                var sum = matrix[(i * Unknowns) + j];
                for (var k = 0; k < j; k++)
                    sum -= matrix[(i * Unknowns) + k] * matrix[(j * Unknowns) + k];
                if (i == j)
                {
                    if (!(sum > 1e-3f))
                        return false;
                    matrix[(j * Unknowns) + j] = MathF.Sqrt(sum);
                }
                else
                {
                    matrix[(i * Unknowns) + j] = sum / matrix[(j * Unknowns) + j];
                }
            }
        }

        for (var i = 0; i < Unknowns; i++)
        {
            for (var k = 0; k < i; k++)
                right[i] -= matrix[(i * Unknowns) + k] * right[k];
            right[i] /= matrix[(i * Unknowns) + i];
        }

        for (var i = Unknowns - 1; i >= 0; i--)
        {
            for (var k = i + 1; k < Unknowns; k++)
                right[i] -= matrix[(k * Unknowns) + i] * right[k];
            right[i] /= matrix[(i * Unknowns) + i];
        }

        return true;
    }

    /// <summary>By how many samples to move, and by what part to lengthen, along each axis.</summary>
    internal readonly record struct Step(float Across, float AcrossGrowth, float Down, float DownGrowth);
}
