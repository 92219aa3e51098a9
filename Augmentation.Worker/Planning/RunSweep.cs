using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Augmentation.Planning;

/// <summary>Plans runs that nobody was woken for.</summary>
internal sealed partial class RunSweep(
    AugmentationPlanner planner,
    IDbContextFactory<MelanomaDbContext> databases,
    IOptions<AugmentationOptions> options,
    TimeProvider time,
    ILogger<RunSweep> logger) : BackgroundService
{
    private const int AtOnce = 100;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var runId in await FindUnplannedAsync(stoppingToken))
                {
                    await planner.PlanAsync(runId, stoppingToken);
                }
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
            }

            await Task.Delay(options.Value.Sweep, time, stoppingToken);
        }
    }

    private async Task<List<Guid>> FindUnplannedAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.Runs
            .Where(run => run.CancelRequestedAt == null && run.PauseRequestedAt == null && AugmentationPlanner.KnownPolicies.Contains(run.AugmentationPolicy))
            .Where(run => !database.Augmentations.Any(made => made.DatasetId == run.DatasetId && made.Policy == run.AugmentationPolicy
                && made.SamplesPerClass == run.SamplesPerClass && made.Seed == run.Seed))
            .OrderBy(run => run.RequestedAt).Select(run => run.Id).Take(AtOnce).ToListAsync(cancellationToken);
    }

    [LoggerMessage(20, LogLevel.Warning, "Runs cannot be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
