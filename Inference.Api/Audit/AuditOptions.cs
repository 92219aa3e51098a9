using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Audit;

/// <summary>Settings of the section <c>Audit</c>.</summary>
internal sealed class AuditOptions
{
    public const string Section = "Audit";

    /// <summary>Hours for which idempotency keys are kept at least; 1 to 8760, default 24.</summary>
    [Range(1, 8760)]
    public int IdempotencyKeyHours { get; set; } = 24;

    /// <summary>
    /// Full months for which audit rows are kept after the month in which they were made; older months are dropped whole. 1 to 1200; for ever when not set, which is the default.
    /// </summary>
    [Range(1, 1200)]
    public int? RetentionMonths { get; set; }

    /// <summary>Seconds between looks for rows that nobody sealed, keys that are too old and months to drop; 1 to 3600, default 60.</summary>
    [Range(1, 3600)]
    public int SweepSeconds { get; set; } = 60;

    /// <summary>Subscriptions to feeds that are served at a time, of one tenant at most half of them, before further ones are refused; 0 to 10000, default 64.</summary>
    [Range(0, 10_000)]
    public int Subscriptions { get; set; } = 64;

    /// <summary>Seconds of silence after which a subscriber gets a sign of life, shorter than the 100 after which the Gateway gives a silent call up; 1 to 90, default 30.</summary>
    [Range(1, 90)]
    public int HeartbeatSeconds { get; set; } = 30;
}
