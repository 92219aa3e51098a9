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
        if (SlowMemory is { } advice)
        {
            LogSlowMemory(logger, advice);
        }
    }

    public Device Device { get; }

    /// <summary>What slows training down for want of a setting, as a sentence; null for nothing.</summary>
    public string? SlowMemory => Device.type == TorchSharp.DeviceType.CPU && OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("MALLOC_ARENA_MAX") != "1"
        ? "MALLOC_ARENA_MAX=1 is not set in the environment: training on this processor takes up to twice the time and memory."
        : null;

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

    [LoggerMessage(20, LogLevel.Information, "Training on {Device} with {Threads} threads")]
    private static partial void LogDevice(ILogger logger, string device, int threads);

    [LoggerMessage(21, LogLevel.Warning, "{Advice}")]
    private static partial void LogSlowMemory(ILogger logger, string advice);
}
