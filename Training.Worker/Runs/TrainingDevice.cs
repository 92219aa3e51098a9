using System.Runtime.InteropServices;
using Microsoft.Extensions.Options;
using static TorchSharp.torch;

namespace Melanoma.Training.Runs;

/// <summary>What the numerics run on, and the thread they run on.</summary>
internal sealed partial class TrainingDevice
{
    private readonly int _threads;

    public TrainingDevice(IOptions<TrainingOptions> options, ILogger<TrainingDevice> logger)
    {
        // Idle OpenMP threads that spin take the cores from whoever else needs them. Read once, when libtorch is loaded, so it is set before.
        if (OperatingSystem.IsLinux())
        {
            _ = SetEnvironment("OMP_WAIT_POLICY", "passive", overwrite: 0);
            KeepMemory();
        }

        _threads = options.Value.Threads == 0 ? Environment.ProcessorCount : options.Value.Threads;
        var cuda = options.Value.Device != "cpu" && cuda_is_available();
        if (options.Value.Device == "cuda" && !cuda)
        {
            throw new OptionsValidationException(nameof(TrainingOptions), typeof(TrainingOptions),
                [$"{TrainingOptions.Section}:{nameof(TrainingOptions.Device)} is cuda, but this build has no CUDA or the machine no device."]);
        }

        Device = cuda ? CUDA : CPU;
        LogDevice(logger, Device.ToString(), _threads);
    }

    public Device Device { get; }

    /// <summary>Runs hours of arithmetic on a thread of its own, so that no thread of the pool is held.</summary>
    public Task<T> RunAsync<T>(Func<T> work) => Task.Factory.StartNew(
        () =>
        {
            // OpenMP counts threads per calling thread.
            set_num_threads(_threads);
            return work();
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    /// <summary>
    /// glibc gives memory for large tensors back at once, and each operation then waits for fresh zeroed pages as large as its result: keeping them took a
    /// third off the processor time of augmentation and a quarter off that of a step with large batches.
    /// </summary>
    private static void KeepMemory()
    {
        const int TrimThreshold = -1;
        const int MostMappings = -4;
        try
        {
            _ = SetAllocator(MostMappings, 0);
            _ = SetAllocator(TrimThreshold, int.MaxValue);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than glibc.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAllocator(int parameter, int value);

    /// <summary>The process environment as native libraries see it, which .NET's own setter does not change.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LoggerMessage(20, LogLevel.Information, "Training on {Device} with {Threads} threads")]
    private static partial void LogDevice(ILogger logger, string device, int threads);
}
