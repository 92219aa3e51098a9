using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Melanoma.Training;

/// <summary>The worker's spans and metrics.</summary>
internal static class TrainingTelemetry
{
    public const string Name = "Melanoma.Training";

    private static readonly Meter Meter = new(Name);

    public static ActivitySource Source { get; } = new(Name);

    public static Counter<long> Epochs { get; } = Meter.CreateCounter<long>("melanoma.training.epochs", "{epoch}", "Epochs finished.");

    public static Histogram<double> EpochSeconds { get; } = Meter.CreateHistogram<double>("melanoma.training.epoch.duration", "s", "Duration of an epoch with its validation.");

    public static Counter<long> Runs { get; } = Meter.CreateCounter<long>("melanoma.training.runs", "{run}", "Runs let go, by outcome.");

    public static Histogram<double> CacheSeconds { get; } = Meter.CreateHistogram<double>("melanoma.training.cache.duration", "s", "Time to build an image cache.");
}
