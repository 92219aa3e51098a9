using System.Diagnostics;
using System.Diagnostics.Metrics;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Predictions;

namespace Melanoma.Ingestion;

/// <summary>Every metric and span source of this service.</summary>
internal sealed class IngestionMetrics
{
    public const string Name = "Melanoma.Ingestion";

    public static readonly ActivitySource Source = new(Name);

    private readonly Counter<long> _files;
    private readonly Counter<long> _bytes;
    private readonly Histogram<double> _batch;
    private readonly UpDownCounter<int> _deliveries;
    private readonly Counter<long> _datasets;
    private readonly Counter<long> _reviews;
    private readonly Counter<long> _feedback;

    public IngestionMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _files = meter.CreateCounter<long>("melanoma.ingestion.files", "{file}", "Files accounted for, by outcome and kind of refusal");
        _bytes = meter.CreateCounter<long>("melanoma.ingestion.bytes", "By", "Bytes of the files accounted for");
        _batch = meter.CreateHistogram<double>("melanoma.ingestion.batch.duration", "s", "Time to write a batch, waiting for other writers counted");
        _deliveries = meter.CreateUpDownCounter<int>("melanoma.ingestion.deliveries.receiving", "{delivery}", "Deliveries that are coming in");
        _datasets = meter.CreateCounter<long>("melanoma.ingestion.datasets", "{dataset}", "Datasets asked for, by kind and whether they were new");
        _reviews = meter.CreateCounter<long>("melanoma.ingestion.reviews", "{decision}", "Decisions of reviewers, by action");
        _feedback = meter.CreateCounter<long>("melanoma.ingestion.feedback", "{feedback}", "Feedback settled, by what became of it");
    }

    public void BatchWritten(IReadOnlyCollection<DeliveryFile> files, TimeSpan duration)
    {
        foreach (var kind in files.GroupBy(file => (file.Outcome, file.RefusalKind)))
        {
            _files.Add(kind.Count(), new TagList { { "outcome", kind.Key.Outcome.ToString() }, { "refusal", kind.Key.RefusalKind ?? "none" } });
        }

        _bytes.Add(files.Sum(file => file.SizeBytes));
        _batch.Record(duration.TotalSeconds);
    }

    public void DeliveryBegan() => _deliveries.Add(1);

    public void DeliveryEnded() => _deliveries.Add(-1);

    public void DatasetAsked(string kind, bool created) => _datasets.Add(1, new TagList { { "kind", kind }, { "created", created } });

    public void FeedbackSettled(FeedbackState state, int count) => _feedback.Add(count, new TagList { { "state", state.ToString() } });

    public void ReviewDecided(string action) => _reviews.Add(1, new TagList { { "action", action } });
}
