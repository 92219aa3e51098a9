using System.Threading.RateLimiting;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Refusals;
using Microsoft.Extensions.Options;

namespace Melanoma.Gateway.Limits;

/// <summary>Keeps each key, and each tenant, to the calls a second and the open calls that it may have.</summary>
internal sealed class CallerLimits(IOptions<CallerLimitsOptions> options) : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private readonly PartitionedRateLimiter<KnownCaller> _keyRate = PartitionedRateLimiter.Create<KnownCaller, (string, int)>(caller =>
        Rate(caller.Caller.Name, caller.Allowance.RequestsPerSecond ?? options.Value.Key.RequestsPerSecond));

    private readonly PartitionedRateLimiter<KnownCaller> _tenantRate = PartitionedRateLimiter.Create<KnownCaller, (string, int)>(caller =>
        Rate(caller.Caller.Tenant, options.Value.Tenant.RequestsPerSecond));

    private readonly PartitionedRateLimiter<KnownCaller> _keyCalls = PartitionedRateLimiter.Create<KnownCaller, (string, int)>(caller =>
        Calls(caller.Caller.Name, caller.Allowance.ConcurrentCalls ?? options.Value.Key.ConcurrentCalls));

    private readonly PartitionedRateLimiter<KnownCaller> _tenantCalls = PartitionedRateLimiter.Create<KnownCaller, (string, int)>(caller =>
        Calls(caller.Caller.Tenant, options.Value.Tenant.ConcurrentCalls));

    /// <summary>Lets a call begin, or says why not. The permit is given back when the call ends.</summary>
    public bool TryBegin(KnownCaller caller, out Permit permit, out Refusal? refusal)
    {
        permit = default;
        var keyCall = _keyCalls.AttemptAcquire(caller);
        if (!keyCall.IsAcquired)
            return Refuse(keyCall, "This key", "has as many calls open as it may", out refusal);
        var tenantCall = _tenantCalls.AttemptAcquire(caller);
        permit = new Permit(keyCall, tenantCall);
        if (!tenantCall.IsAcquired)
            return Refuse(tenantCall, "The keys of this tenant", "have as many calls open as they may", out refusal, permit);

        using var keyRate = _keyRate.AttemptAcquire(caller);
        if (!keyRate.IsAcquired)
            return Refuse(keyRate, "This key", "begins more calls a second than it may", out refusal, permit);
        using var tenantRate = _tenantRate.AttemptAcquire(caller);
        if (!tenantRate.IsAcquired)
            return Refuse(tenantRate, "The keys of this tenant", "begin more calls a second than they may", out refusal, permit);
        refusal = null;
        return true;
    }

    public void Dispose()
    {
        _keyRate.Dispose();
        _tenantRate.Dispose();
        _keyCalls.Dispose();
        _tenantCalls.Dispose();
    }

    private static bool Refuse(RateLimitLease lease, string whose, string what, out Refusal? refusal, Permit held = default)
    {
        held.Dispose();
        refusal = Refusal.TooManyCalls(whose, what, lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : Period);
        return false;
    }

    // The number is part of the name, so that a changed one counts at once.
    private static RateLimitPartition<(string, int)> Rate(string name, int perSecond) => RateLimitPartition.GetTokenBucketLimiter((name, perSecond), _ =>
    {
        // Few a second are given singly, many in tenths.
        var tokens = Math.Max(1, (int)Math.Round(perSecond * Period.TotalSeconds));
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = perSecond,
            TokensPerPeriod = tokens,
            ReplenishmentPeriod = TimeSpan.FromSeconds((double)tokens / perSecond),
            QueueLimit = 0,
        };
    });

    private static RateLimitPartition<(string, int)> Calls(string name, int atATime) => RateLimitPartition.GetConcurrencyLimiter(
        (name, atATime), _ => new ConcurrencyLimiterOptions { PermitLimit = atATime, QueueLimit = 0 });

    /// <summary>What an open call holds.</summary>
    internal readonly struct Permit(RateLimitLease keyCall, RateLimitLease tenantCall) : IDisposable
    {
        public void Dispose()
        {
            tenantCall?.Dispose();
            keyCall?.Dispose();
        }
    }
}
