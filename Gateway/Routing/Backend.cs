namespace Melanoma.Gateway.Routing;

/// <summary>A service behind the Gateway.</summary>
/// <param name="Name">Its name in discovery, and what callers are told when it is down.</param>
/// <param name="Silence">
/// How long a call may be silent in both directions before it is given up. Services with streams that wait for something to happen have a long one;
/// dead connections are found by pings, not by this.
/// </param>
internal sealed record Backend(string Name, TimeSpan Silence)
{
    public static Backend Ingestion { get; } = new("ingestion", TimeSpan.FromHours(24));

    public static Backend Inference { get; } = new("inference", TimeSpan.FromSeconds(100));

    /// <summary>A page may lie open and silent for as long as it likes.</summary>
    public static Backend Portal { get; } = new("portal", TimeSpan.FromHours(24));
}
