using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Melanoma.Training.CrossValidations;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Training.Runs;

/// <summary>One run at a time: takes the oldest that waits, carries it out, looks again; sleeps until a hint or the next sweep.</summary>
internal sealed partial class TrainingLoop(
    RunLedger ledger,
    FoldLedger folds,
    RunTraining training,
    WakeUp wakeUp,
    DatabaseNotifications notifications,
    IOptions<TrainingOptions> options,
    TimeProvider time,
    ILogger<TrainingLoop> logger) : BackgroundService
{
    private static readonly TimeSpan DatabaseRetryDelay = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var hints = notifications.Subscribe(MelanomaDatabase.RunsChannel);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                while (await folds.JudgeAsync(stoppingToken) is { } judged)
                {
                    LogJudged(judged);
                }

                if (await ledger.ClaimAsync(stoppingToken) is not { } claim)
                {
                    await WaitAsync(hints, stoppingToken);
                }
                else if (!await training.CarryOutAsync(claim, stoppingToken))
                {
                    await Task.Delay(DatabaseRetryDelay, time, stoppingToken);
                }
            }
            catch (Exception exception) when (exception is NpgsqlException or LeaseLostException)
            {
                LogDatabaseLost(exception.Message);
                await Task.Delay(DatabaseRetryDelay, time, stoppingToken);
            }
        }
    }

    private async Task WaitAsync(DatabaseNotifications.Subscription hints, CancellationToken stoppingToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var fromDatabase = hints.WaitAsync(_ => true, TimeSpan.FromSeconds(options.Value.SweepSeconds), either.Token);
        var fromBus = wakeUp.WaitAsync(either.Token);
        await Task.WhenAny(fromDatabase, fromBus);
        await either.CancelAsync();
        await Task.WhenAll(fromDatabase, fromBus).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stoppingToken.ThrowIfCancellationRequested();
    }

    [LoggerMessage(31, LogLevel.Information, "The folds of cross-validation {CrossValidationId} are all there: its figures are made")]
    private partial void LogJudged(Guid crossValidationId);

    [LoggerMessage(30, LogLevel.Warning, "Runs cannot be looked for at the moment: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
