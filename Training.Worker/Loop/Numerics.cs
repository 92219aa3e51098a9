using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>What the native libraries must be told before they are loaded, and whether they calculate rightly on this processor.</summary>
internal static partial class Numerics
{
    private const double LargestError = 1e-3;

    /// <summary>Batch, channels in and out, side: the sizes at which the library was seen to go wrong.</summary>
    private static readonly (long Batch, long In, long Out, long Side)[] Probes = [(4, 320, 1280, 6), (4, 672, 112, 12), (4, 240, 40, 24), (4, 1152, 320, 6)];

    /// <summary>Runs when the assembly is loaded: the libraries read their environment once, and .NET's own setter does not change what they see.</summary>
    [ModuleInitializer]
#pragma warning disable CA2255 // A library should not do this, but whoever comes later comes too late.
    internal static void Prepare()
#pragma warning restore CA2255
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Idle OpenMP threads that spin take the cores from whoever else needs them.
        Set("OMP_WAIT_POLICY", "passive");

        // Pages of 4 KB wait for their first touch: in a virtual machine where each took 15 us, large pages made a step 2.6 times as fast.
        Set("THP_MEM_ALLOC_ENABLE", "1");

        if (IsZen5WithAvx512())
        {
            // oneDNN 3.7.1's brgconv_1x1:avx512_core gives wrong sums on AMD's Zen 5 (not on Zen 4), its AVX2 code right ones, at four fifths of the speed.
            Set("ONEDNN_MAX_CPU_ISA", "AVX2");
        }
    }

    /// <summary>Holds convolutions that went wrong on some processor against the same in double precision.</summary>
    /// <exception cref="NumericsException">They are wrong here.</exception>
    public static void Require()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var (batch, channels, filters, side) in Probes)
        {
            var x = Waves(batch, side, side, channels).permute(0, 3, 1, 2);
            var kernel = Waves(filters, 1, 1, channels).permute(0, 3, 1, 2);
            var exact = nn.functional.conv2d(x.to(ScalarType.Float64), kernel.to(ScalarType.Float64));
            var error = ((nn.functional.conv2d(x, kernel).to(ScalarType.Float64) - exact).abs().max() / exact.abs().max()).item<double>();
            if (!(error < LargestError))
            {
                throw new NumericsException(error);
            }
        }
    }

    private static Tensor Waves(params long[] shape) => arange(shape.Aggregate((product, side) => product * side), ScalarType.Float32).mul(0.7).sin().view(shape);

    // CPUID leaf 0 spells the maker in EBX, EDX and ECX; leaf 1 has the family in EAX, 15 and bits 20 to 27 for those that came later. Zen 5 is family 26.
    private static bool IsZen5WithAvx512() =>
        Avx512F.IsSupported && X86Base.CpuId(0, 0) is (_, 0x68747541, 0x444D4163, 0x69746E65) && 15 + ((X86Base.CpuId(1, 0).Eax >> 20) & 0xFF) >= 26;

    private static void Set(string name, string value) => _ = SetEnvironment(name, value, overwrite: 0);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}

/// <summary>The numerics library gives wrong results on this processor; what it trains would be worthless.</summary>
internal sealed class NumericsException(double error)
    : Exception(FormattableString.Invariant($"Convolutions are wrong by {error:p0} on this processor. Set ONEDNN_MAX_CPU_ISA=AVX2 (or SSE41) in the worker's environment."));
