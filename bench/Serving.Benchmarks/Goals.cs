using System.Globalization;

namespace Melanoma.Serving.Benchmarks;

/// <summary>What serving has to reach, and whether a run did.</summary>
internal static class Goals
{
    private const double ServiceToRaw = 0.95;
    private const double GatewayToRaw = 0.90;
    private const double Peer = 1.2;
    private const double PeerPublished = 2.5;
    private const double BesideRawMs = 1;
    private const double Goodput = 0.9;
    private const double RefusalMs = 50;
    private const double Unloaded = 2;
    private const double HugeMegabytes = 50;
    private const double IdleCore = 0.005;

    /// <summary>A sentence a goal.</summary>
    public static IEnumerable<string> Judge(ModelFigures figures)
    {
        yield return AtLeast($"{figures.Model}: Inference.Api to the bare loop, images per CPU-second at {ModelFigures.RatioCallers} callers", figures.Ratios.ServiceToRaw, ServiceToRaw);
        yield return AtLeast($"{figures.Model}: Gateway to the bare loop", figures.Ratios.GatewayToRaw, GatewayToRaw);
        if (figures.Ratios.Peer is { } peer)
            yield return AtLeast($"{figures.Model}: Gateway to Node.js", peer, Peer);
        if (figures.Ratios.PeerPublished is { } published)
            yield return AtLeast($"{figures.Model}: Gateway with the published file to Node.js", published, PeerPublished);
        yield return AtLeast($"{figures.Model}: eight bits to single precision on ready tensors", figures.Ratios.Int8ToFp32, figures.Model == ServedModel.SeedFinalName ? 3 : 2);
        foreach (var side in figures.Sides.Where(side => side.IsOurs))
        {
            var (who, one) = ($"{figures.Model}, {side.Name}", side.At(1));
            yield return AtMost($"{who}: p50 at one caller above the bare loop's, ms", one.P50 - figures.BareOne.P50, BesideRawMs);
            foreach (var crowded in side.Points.Where(point => point.Load == side.At(64).Load || point.Load == side.At(256).Load || point.Load == SideFigures.Overload))
            {
                yield return AtLeast($"{who}, {crowded.Load}: share of the most images a second", crowded.PerSecond / side.Peak, Goodput);
                yield return AtMost($"{who}, {crowded.Load}: p95 of the answered over p95 of one caller", crowded.P95 / one.P95, Unloaded);
                if (crowded.RefusalP99 is { } refusal)
                    yield return AtMost($"{who}, {crowded.Load}: p99 of refusals, ms", refusal, RefusalMs) + (crowded.LeastRetryMs > 0 ? "" : " NOT all of them say when to come back.");
            }
        }
    }

    /// <summary>A sentence a goal.</summary>
    public static IEnumerable<string> Judge(HugePictures huge)
    {
        yield return AtMost("Four PNGs of 12000 x 12000 at once: slowest refusal, ms", huge.SlowestMs, RefusalMs);
        yield return AtMost("Four PNGs of 12000 x 12000 at once: more memory, MB", huge.Megabytes, HugeMegabytes);
    }

    /// <summary>A sentence a service.</summary>
    public static IEnumerable<string> Judge(IReadOnlyDictionary<string, double> idle) =>
        idle.Select(service => AtMost($"Idle {service.Key}: share of a core", service.Value, IdleCore));

    private static string AtLeast(string what, double value, double goal) => Sentence(what, value, "at least", goal, value >= goal);

    private static string AtMost(string what, double value, double goal) => Sentence(what, value, "at most", goal, value <= goal);

    private static string Sentence(string what, double value, string relation, double goal, bool isMet) =>
        string.Create(CultureInfo.InvariantCulture, $"{what}: {value:0.###}, {relation} {goal:0.###}: {(isMet ? "met" : "NOT met")}.");
}
