using Melanoma.ServiceDefaults.Database;

namespace Melanoma.Augmentation.Batches;

/// <summary>Lengthens a lease while its batch is made, and says when it was lost.</summary>
internal sealed partial class LeaseKeeper : IAsyncDisposable
{
    private readonly BatchLeases _leases;
    private readonly BatchLease _lease;
    private readonly PeriodicTimer _beat;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly ILogger _logger;
    private readonly Task _keeping;

    public LeaseKeeper(BatchLeases leases, BatchLease lease, TimeSpan duration, TimeProvider time, ILogger logger)
    {
        _leases = leases;
        _lease = lease;
        _logger = logger;
        _beat = new PeriodicTimer(duration / 3, time);
        _keeping = KeepAsync();
    }

    /// <summary>Cancelled when the lease is another worker's.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Stops lengthening: from now on a row lock keeps the batch.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _keeping;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _beat.Dispose();
        _stop.Dispose();
        _lost.Dispose();
    }

    private async Task KeepAsync()
    {
        try
        {
            while (await _beat.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    if (!await _leases.RenewAsync(_lease, _stop.Token))
                    {
                        await _lost.CancelAsync();
                        return;
                    }
                }
                catch (Exception exception) when (DatabaseTrouble.Is(exception))
                {
                    // Should the lease lapse meanwhile, the fence stops the commit.
                    LogNotRenewed(_logger, _lease.AugmentationId, _lease.Number, exception.Message);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }

    [LoggerMessage(40, LogLevel.Warning, "The lease of batch {Number} of augmentation {AugmentationId} could not be renewed: {Reason}")]
    private static partial void LogNotRenewed(ILogger logger, Guid augmentationId, int number, string reason);
}
