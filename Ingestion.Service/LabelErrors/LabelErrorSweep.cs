using Melanoma.ServiceDefaults.Database;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.LabelErrors;

/// <summary>Asks about likely label errors that nobody was woken for, or that a decision taken back made a question again.</summary>
internal sealed partial class LabelErrorSweep(
    LabelErrorItems items, IOptions<LabelErrorOptions> options, TimeProvider time, ILogger<LabelErrorSweep> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), time);
        do
        {
            try
            {
                await items.UpdateAsync(runId: null, stoppingToken);
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(62, LogLevel.Warning, "Likely label errors could not be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
