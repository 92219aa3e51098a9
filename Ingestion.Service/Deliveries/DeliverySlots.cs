using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>How many deliveries this process receives at a time: each holds memory and a connection.</summary>
internal sealed class DeliverySlots(IOptions<DeliveryOptions> options) : IDisposable
{
    private readonly ConcurrencyLimiter _slots = new(new ConcurrencyLimiterOptions { PermitLimit = options.Value.MaxConcurrent, QueueLimit = 0 });

    public RateLimitLease TryTake() => _slots.AttemptAcquire();

    public void Dispose() => _slots.Dispose();
}
