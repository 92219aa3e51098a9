using Melanoma.Augmentation.Policies;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Recipes;
using Melanoma.Storage;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Augmentation.Planning;

/// <summary>
/// Plans the augmentation that a run wants and cuts it into batches. The natural key (dataset, policy, samples per class,
/// seed) makes planning idempotent: runs that want the same share one augmentation.
/// </summary>
internal sealed partial class AugmentationPlanner(
    IDbContextFactory<MelanomaDbContext> databases, IOptions<AugmentationOptions> options, TimeProvider time, ILogger<AugmentationPlanner> logger)
{
    /// <summary>The policies that this build can make.</summary>
    public static readonly string[] KnownPolicies = [AugmentationPlan.NoPolicy, AugmentorPolicy.Name];

    /// <summary>Plans what the run wants, or wakes the trainer when it is there already. Repeating it changes nothing.</summary>
    /// <exception cref="NotSupportedException">The run wants a policy that this build does not know.</exception>
    public async Task PlanAsync(Guid runId, CancellationToken cancellationToken)
    {
        using var activity = AugmentationTelemetry.Source.StartActivity("augmentation plan");
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var run = await database.Runs.AsNoTracking().SingleOrDefaultAsync(candidate => candidate.Id == runId, cancellationToken);
        if (run is null)
        {
            LogUnknownRun(runId);
            return;
        }

        if (run is not { CancelRequestedAt: null, PauseRequestedAt: null })
        {
            return;
        }

        if (!KnownPolicies.Contains(run.AugmentationPolicy))
        {
            throw new NotSupportedException($"Run {runId} wants the augmentation policy '{run.AugmentationPolicy}', which this build does not know.");
        }

        var count = await CountVariantsAsync(database, run, cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (!await TryInsertAsync(database, run, count, cancellationToken))
        {
            await WakeTrainerAsync(database, run, cancellationToken);
        }

        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<int> CountVariantsAsync(MelanomaDbContext database, Run run, CancellationToken cancellationToken)
    {
        if (run.AugmentationPolicy == AugmentationPlan.NoPolicy || run.SamplesPerClass == 0)
        {
            return 0;
        }

        var labels = await ParentsOf(database.DatasetItems, run.DatasetId, run.DatasetKind).Select(item => item.Label).Distinct().ToListAsync(cancellationToken);
        return VariantPlan.CountOf(run.SamplesPerClass, labels.Count(label => label.Count == 1));
    }

    /// <summary>The items of a dataset that may be parents: <see cref="VariantPlan.MayBeParent"/> as a query.</summary>
    public static IQueryable<DatasetItem> ParentsOf(IQueryable<DatasetItem> items, int datasetId, DatasetKind kind)
    {
        Split[] splits = [.. Enum.GetValues<Split>().Where(split => VariantPlan.MayBeParent(kind, split))];
        return items.Where(item => item.DatasetId == datasetId && splits.Contains(item.Split));
    }

    private async Task<bool> TryInsertAsync(MelanomaDbContext database, Run run, int count, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var size = options.Value.BatchSize;
        var batches = (count + size - 1) / size;
        var inserted = await database.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO augmentations (id, dataset_id, dataset_kind, policy, samples_per_class, seed, batches, planned_at, completed_at)
            SELECT {id}, id, kind, {run.AugmentationPolicy}, {run.SamplesPerClass}, {run.Seed}, {batches}, now(), CASE WHEN {batches} = 0 THEN now() END
            FROM datasets WHERE id = {run.DatasetId}
            ON CONFLICT (dataset_id, policy, samples_per_class, seed) DO NOTHING
            """, cancellationToken);
        if (inserted == 0)
        {
            return false;
        }

        for (var number = 0; number < batches; number++)
        {
            database.AugmentationBatches.Add(new AugmentationBatch
            {
                AugmentationId = id,
                Number = number,
                FirstOrdinal = number * size,
                Count = Math.Min(size, count - (number * size)),
            });
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Augmentation, new AugmentationBatchReady(id, number)));
        }

        if (batches == 0)
        {
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Augmentation, new AugmentationCompleted(id)));
        }

        AugmentationTelemetry.Planned();
        LogPlanned(run.Id, id, count, batches);
        return true;
    }

    // Another run wanted the same before. If its batches are still being made, their last one wakes the trainer for both.
    private static async Task WakeTrainerAsync(MelanomaDbContext database, Run run, CancellationToken cancellationToken)
    {
        var made = await database.Augmentations.AsNoTracking().SingleAsync(
            candidate => candidate.DatasetId == run.DatasetId && candidate.Policy == run.AugmentationPolicy
                && candidate.SamplesPerClass == run.SamplesPerClass && candidate.Seed == run.Seed,
            cancellationToken);
        if (made.CompletedAt is not null)
        {
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Augmentation, new AugmentationCompleted(made.Id)));
        }
    }

    [LoggerMessage(1, LogLevel.Information, "For run {RunId} augmentation {AugmentationId} is planned: {Variants} variants in {Batches} batches")]
    private partial void LogPlanned(Guid runId, Guid augmentationId, int variants, int batches);

    [LoggerMessage(2, LogLevel.Warning, "Run {RunId} was announced but is not there")]
    private partial void LogUnknownRun(Guid runId);
}
