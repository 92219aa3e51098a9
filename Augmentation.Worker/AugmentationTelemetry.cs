using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Melanoma.Augmentation;

/// <summary>Names of this service's metrics and spans.</summary>
internal static class AugmentationTelemetry
{
    public const string Name = "Melanoma.Augmentation";

    public static readonly ActivitySource Source = new(Name);

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Plans = Meter.CreateCounter<long>("melanoma.augmentation.plans", "{plan}", "Augmentations planned.");
    private static readonly Counter<long> Batches = Meter.CreateCounter<long>("melanoma.augmentation.batches", "{batch}", "Batches by how they ended for this worker.");
    private static readonly Counter<long> Variants = Meter.CreateCounter<long>("melanoma.augmentation.variants", "{variant}", "Variants stored.");
    private static readonly Histogram<double> BatchDuration = Meter.CreateHistogram<double>("melanoma.augmentation.batch.duration", "s", "From taking a batch to its commit.");

    public static void Planned() => Plans.Add(1);

    public static void Completed(int variants, TimeSpan duration)
    {
        Batches.Add(1, new KeyValuePair<string, object?>("outcome", "completed"));
        Variants.Add(variants);
        BatchDuration.Record(duration.TotalSeconds);
    }

    /// <summary>A batch ended otherwise: <c>lost</c>, <c>handed_back</c> or <c>failed</c>.</summary>
    public static void NotCompleted(string outcome) => Batches.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
