using Melanoma.ServiceDefaults.Database;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Registry;

/// <summary>Looks slowly for candidates whose message was lost.</summary>
internal sealed partial class PromotionSweep(PromotionPolicy policy, IOptions<PromotionOptions> options, TimeProvider time, ILogger<PromotionSweep> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await policy.SweepAsync(stoppingToken);
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Candidates cannot be read and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
