using Melanoma.ServiceDefaults.Database;
using Microsoft.Extensions.Options;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>Deletes failed messages some time after they were decided on.</summary>
internal sealed partial class DecidedMessageSweep(FailedMessageStore store, IOptions<OperationsOptions> options, TimeProvider time, ILogger<DecidedMessageSweep> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await store.PruneAsync(TimeSpan.FromDays(options.Value.KeepDecidedDays), stoppingToken);
            }
            catch (Exception failure) when (DatabaseTrouble.Is(failure))
            {
                LogDatabaseLost(failure.Message);
            }
        }
    }

    [LoggerMessage(45, LogLevel.Warning, "Failed messages that were decided on long ago cannot be deleted and are tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
