using Melanoma.ServiceDefaults.Database;
using Microsoft.Extensions.Options;

namespace Melanoma.Augmentation.Forgetting;

/// <summary>Deletes what nobody was woken for, and what a batch that was being made at that moment stored afterwards.</summary>
internal sealed partial class ForgottenSweep(
    ForgottenVariants variants, IOptions<AugmentationOptions> options, TimeProvider time, ILogger<ForgottenSweep> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await variants.DeleteAllAsync(stoppingToken);
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
            }

            await Task.Delay(options.Value.ForgottenSweep, time, stoppingToken);
        }
    }

    [LoggerMessage(51, LogLevel.Warning, "Variants of forgotten images cannot be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
