using System.ComponentModel.DataAnnotations;

namespace Melanoma.Gateway.Limits;

/// <summary>What callers may use; section <c>Limits</c>. Every Gateway counts calls for itself, and bytes together with the others.</summary>
internal sealed class CallerLimitsOptions
{
    public const string Section = "Limits";

    /// <summary>What an API key, or the bearer of a token, may use. A key may have numbers of its own.</summary>
    [Required]
    public Allowance Key { get; init; } = new();

    /// <summary>What all keys of a tenant may use together.</summary>
    [Required]
    public Allowance Tenant { get; init; } = new() { RequestsPerSecond = 2_000, ConcurrentCalls = 1_024, BytesPerDay = 1_000_000_000_000 };

    internal sealed class Allowance
    {
        /// <summary>Calls a second that may begin; as many again may begin at once after a pause.</summary>
        [Range(1, 1_000_000)]
        public int RequestsPerSecond { get; init; } = 1_000;

        /// <summary>Calls that may be open at a time.</summary>
        [Range(1, 1_000_000)]
        public int ConcurrentCalls { get; init; } = 512;

        /// <summary>Bytes of requests a day (UTC).</summary>
        [Range(1, long.MaxValue)]
        public long BytesPerDay { get; init; } = 250_000_000_000;
    }
}
