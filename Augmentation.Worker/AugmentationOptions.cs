using System.ComponentModel.DataAnnotations;

namespace Melanoma.Augmentation;

/// <summary>Settings of the worker, section <c>Augmentation</c>.</summary>
internal sealed class AugmentationOptions
{
    public const string Section = "Augmentation";

    /// <summary>Variants in a batch; applies to plans made from now on. Default 100.</summary>
    [Range(1, 10_000)]
    public int BatchSize { get; init; } = 100;

    /// <summary>Variants made at the same time; 0, the default, for as many as the process has cores.</summary>
    [Range(0, 256)]
    public int Parallelism { get; init; }

    /// <summary>Seconds for which a batch is taken; renewed three times as often while it is made. Default 30.</summary>
    [Range(2, 3600)]
    public int LeaseSeconds { get; init; } = 30;

    /// <summary>At most this many seconds between two looks for work that nobody was woken for. Default 15.</summary>
    [Range(1, 3600)]
    public int SweepSeconds { get; init; } = 15;

    /// <summary>Seconds between two looks for variants of forgotten images whose bytes are still there. Default 600.</summary>
    [Range(1, 86_400)]
    public int ForgottenSweepSeconds { get; init; } = 600;

    /// <summary>After this many failed attempts at a batch the runs that want it have failed. Default 5.</summary>
    [Range(1, 1000)]
    public int AttemptsPerBatch { get; init; } = 5;

    /// <summary>Encoded variants held in memory before they go to the database, in MiB. Default 64.</summary>
    [Range(1, 4096)]
    public int BufferMebibytes { get; init; } = 64;

    public int EffectiveParallelism => Parallelism > 0 ? Parallelism : Environment.ProcessorCount;

    public TimeSpan Lease => TimeSpan.FromSeconds(LeaseSeconds);

    public TimeSpan Sweep => TimeSpan.FromSeconds(SweepSeconds);

    public TimeSpan ForgottenSweep => TimeSpan.FromSeconds(ForgottenSweepSeconds);
}
