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

    public void Report(EpochProgress progress)
    {
        lock (_gate)
        {
            _progress = progress;
        }
    }

    /// <summary>Beats until it is stopped, or until the run must stop, which <paramref name="interrupt"/> then says.</summary>
    public async Task BeatAsync(CancellationTokenSource interrupt, CancellationToken stopped)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            do
            {
                _state = await RenewAsync(stopped);
            }
            while (_state == LeaseState.Held && await timer.WaitForNextTickAsync(stopped));
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            return;
        }

        await interrupt.CancelAsync();
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
