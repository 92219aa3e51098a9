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

        KeepMemory();

        if (IsZen5WithAvx512())
        {
            // oneDNN 3.7.1's brgconv_1x1:avx512_core gives wrong sums on AMD's Zen 5 (not on Zen 4), its AVX2 code right ones, at four fifths of the speed.
            Set("ONEDNN_MAX_CPU_ISA", "AVX2");
        }
    }

    /// <summary>Gives the memory that training left free back to the operating system.</summary>
    public static void GiveMemoryBack()
    {
        if (OperatingSystem.IsLinux())
        {
            WithGlibc(() => _ = TrimMemory(0));
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

    // Tensors of many megabytes come and go at every step. By default each is mapped anew, and the kernel zeroes its pages: half of the processor time of a step, and twice its memory.
    // Any threshold for trimming is less than what lies free between two steps. It works in glibc's first arena alone, to which MALLOC_ARENA_MAX=1 binds all threads; by now there are others.
    private static void KeepMemory() => WithGlibc(() =>
    {
        const int TrimThreshold = -1;
        const int MostMappings = -4;
        const int Never = -1;
        _ = SetAllocator(MostMappings, 0);
        _ = SetAllocator(TrimThreshold, Never);
    });

    private static void WithGlibc(Action call)
    {
        try
        {
            call();
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library, whose allocator is left as it is.
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

    [LibraryImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAllocator(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int TrimMemory(nuint kept);
}

/// <summary>The numerics library gives wrong results on this processor; what it trains would be worthless.</summary>
internal sealed class NumericsException(double error)
    : Exception(FormattableString.Invariant($"Convolutions are wrong by {error:p0} on this processor. Set ONEDNN_MAX_CPU_ISA=AVX2 (or SSE41) in the worker's environment."));
