using System.Runtime.InteropServices;
using Melanoma.Training.Loop;
using Microsoft.Extensions.Options;
using static TorchSharp.torch;

namespace Melanoma.Training.Runs;

/// <summary>What the numerics run on, and the thread they run on.</summary>
internal sealed partial class TrainingDevice
{
    private readonly int _threads;

    /// <exception cref="OptionsValidationException">A device is demanded that is not there.</exception>
    /// <exception cref="NumericsException">The numerics library is wrong on this processor.</exception>
    public TrainingDevice(IOptions<TrainingOptions> options, ILogger<TrainingDevice> logger)
    {
        if (OperatingSystem.IsLinux())
        {
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
        Numerics.Require();
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
        const int MostArenas = -8;
        try
        {
            _ = SetAllocator(MostMappings, 0);
            _ = SetAllocator(TrimThreshold, int.MaxValue);

            // A thread's own arena gives its memory back whatever the threshold says.
            _ = SetAllocator(MostArenas, 1);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than glibc.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAllocator(int parameter, int value);

    [LoggerMessage(20, LogLevel.Information, "Training on {Device} with {Threads} threads")]
    private static partial void LogDevice(ILogger logger, string device, int threads);
}
