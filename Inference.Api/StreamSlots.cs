using Grpc.Core;

namespace Melanoma.Inference;

/// <summary>Streams that are open, a bounded number of them: of one tenant at most half, so that none keeps all others out.</summary>
/// <param name="most">How many are served at a time.</param>
/// <param name="what">What they are called in a refusal, in the plural.</param>
/// <param name="metrics">Counts refusals.</param>
internal sealed class StreamSlots(int most, string what, InferenceMetrics metrics)
{
    /// <summary>A stream takes as long as its caller likes: nobody can say when one ends.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    private readonly int _mostOfTenant = (most + 1) / 2;

    private readonly Dictionary<string, int> _open = [];

    /// <summary>How many are open.</summary>
    public int Open
    {
        get
        {
            lock (_open)
            {
                return _open.Values.Sum();
            }
        }
    }

    /// <summary>Opens a stream of a tenant; dispose of what is returned when it ends.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: there are too many.</exception>
    public IDisposable Enter(string tenant)
    {
        int all, own;
        lock (_open)
        {
            (all, own) = (_open.Values.Sum(), _open.GetValueOrDefault(tenant));
            if (all < most && own < _mostOfTenant)
            {
                _open[tenant] = own + 1;
                return new Slot(this, tenant);
            }
        }

        metrics.Refused(nameof(StatusCode.ResourceExhausted));
        throw Refusal.Busy(RetryDelay, all < most
            ? $"{own} {what} of this tenant are open, which are as many as one tenant may have at a time; try again when one has ended."
            : $"{all} {what} are open, which are as many as are served at a time; try again when one has ended.");
    }

    private void Leave(string tenant)
    {
        lock (_open)
        {
            if (--_open[tenant] == 0)
            {
                _open.Remove(tenant);
            }
        }
    }

    private sealed class Slot(StreamSlots owner, string tenant) : IDisposable
    {
        public void Dispose() => owner.Leave(tenant);
    }
}
