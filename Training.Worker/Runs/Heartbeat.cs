using Melanoma.Training.Loop;
using Npgsql;

namespace Melanoma.Training.Runs;

/// <summary>Keeps a lease alive while the run is trained on another thread, and tells it when to stop.</summary>
internal sealed partial class Heartbeat(RunLedger ledger, RunClaim claim, TimeSpan interval, TimeProvider time, ILogger logger)
{
    private readonly Lock _gate = new();
    private EpochProgress _progress;
    private volatile LeaseState _state = LeaseState.Held;

    /// <summary>What the last heartbeat came to.</summary>
    public LeaseState State => _state;

    /// <summary>Whether the run is to be given back for others to go on, once it is stopped.</summary>
    public bool MayHandBack => _state is LeaseState.Held or LeaseState.PauseRequested;

    public void Report(EpochProgress progress)
    {
        lock (_gate)
        {
            _progress = progress;
        }
    }

    /// <summary>Beats until it is stopped, or until nothing may be written any more. That the run must stop is said by <paramref name="interrupt"/>.</summary>
    public async Task BeatAsync(CancellationTokenSource interrupt, CancellationToken stopped)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            do
            {
                _state = await RenewAsync(stopped);
                if (_state != LeaseState.Held)
                {
                    await interrupt.CancelAsync();
                }
            }
            // A run that is to be paused needs its lease until it is given back.
            while (MayHandBack && await timer.WaitForNextTickAsync(stopped));
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
        }
    }

    private async Task<LeaseState> RenewAsync(CancellationToken cancellationToken)
    {
        EpochProgress progress;
        lock (_gate)
        {
            progress = _progress;
        }

        try
        {
            return await ledger.RenewAsync(claim, progress, cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            // The lease is the database's to judge: go on, and ask again.
            LogMissed(claim.RunId, exception.Message);
            return LeaseState.Held;
        }
    }

    [LoggerMessage(10, LogLevel.Warning, "A heartbeat of run {RunId} did not reach the database: {Reason}")]
    private partial void LogMissed(Guid runId, string reason);
}
