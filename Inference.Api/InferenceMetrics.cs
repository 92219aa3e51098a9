using System.Diagnostics;
using System.Diagnostics.Metrics;
using Melanoma.Inference.Classification;

namespace Melanoma.Inference;

/// <summary>The metrics and spans of this service; the names are stable.</summary>
internal sealed class InferenceMetrics : IDisposable
{
    public const string MeterName = "Melanoma.Inference";

    private const string Call = "call";
    private const string Bulk = "bulk";

    private readonly Meter _meter;
    private readonly Histogram<double> _wait;
    private readonly Histogram<double> _compute;
    private readonly Counter<long> _answers;
    private readonly Counter<long> _refusals;
    private readonly Counter<long> _loads;
    private readonly Counter<long> _repeats;
    private readonly Histogram<int> _auditRows;
    private readonly Counter<long> _feedback;
    private readonly Histogram<int> _sealedRows;

    public InferenceMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _wait = _meter.CreateHistogram<double>("melanoma.inference.queue.wait", "s", "Time an image waited for a free lane.");
        _compute = _meter.CreateHistogram<double>("melanoma.inference.compute", "s", "Time of decoding and running the network, for one image.");
        _answers = _meter.CreateCounter<long>("melanoma.inference.answers", "{answer}", "Answers by model version and execution provider.");
        _refusals = _meter.CreateCounter<long>("melanoma.inference.refusals", "{call}", "Calls refused, by reason.");
        _loads = _meter.CreateCounter<long>("melanoma.inference.model.loads", "{load}", "Model versions loaded or refused.");
        _repeats = _meter.CreateCounter<long>("melanoma.inference.answers.repeated", "{answer}", "Answers given again under their idempotency key.");
        _auditRows = _meter.CreateHistogram<int>("melanoma.inference.audit.batch", "{row}", "Audit rows written in one statement.");
        _feedback = _meter.CreateCounter<long>("melanoma.inference.feedback", "{feedback}", "Feedback to answers, by verdict.");
        _sealedRows = _meter.CreateHistogram<int>("melanoma.inference.audit.sealed", "{row}", "Audit rows sealed in one transaction.");
    }

    public static ActivitySource Activities { get; } = new(MeterName);

    public void Computed(TimeSpan waited, TimeSpan computed, bool bulk)
    {
        var work = Work(bulk ? Bulk : Call);
        _wait.Record(waited.TotalSeconds, work);
        _compute.Record(computed.TotalSeconds, work);
    }

    public void Answered(int version, string provider) => _answers.Add(1, new("model.version", version), new("execution.provider", provider));

    public void Refused(string reason) => _refusals.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Loaded(int version, bool accepted) => _loads.Add(1, new("model.version", version), new("outcome", accepted ? "loaded" : "refused"));

    public void Repeated() => _repeats.Add(1);

    public void AuditBatch(int rows) => _auditRows.Record(rows);

    public void FeedbackGiven(string verdict) => _feedback.Add(1, new KeyValuePair<string, object?>("verdict", verdict));

    public void Sealed(int rows) => _sealedRows.Record(rows);

    public void ObserveLanes(Func<LaneLoad> load)
    {
        _meter.CreateObservableGauge(
            "melanoma.inference.queue.images", () => Of(load(), lanes => lanes.Waiting, lanes => lanes.WaitingInBulk), "{image}", "Images waiting for a free lane, of calls and in bulk.");
        _meter.CreateObservableGauge(
            "melanoma.inference.lanes.busy", () => Of(load(), lanes => lanes.Calls, lanes => lanes.Bulk), "{lane}", "Lanes that compute, for calls and for bulk.");
    }

    public void ObserveProduction(Func<int> version, string provider) =>
        _meter.CreateObservableGauge(
            "melanoma.inference.model.production",
            () => new Measurement<int>(version(), new KeyValuePair<string, object?>("execution.provider", provider)),
            "{version}",
            "The version that answers calls without a pin; 0 for none.");

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<int>> Of(LaneLoad load, Func<LaneLoad, int> calls, Func<LaneLoad, int> bulk) => [new(calls(load), Work(Call)), new(bulk(load), Work(Bulk))];

    private static KeyValuePair<string, object?> Work(string work) => new("work", work);
}
