using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Storage;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using WireRun = Melanoma.Contracts.V1.Run;

namespace Melanoma.Ingestion.Runs;

/// <summary>Reads runs as the wire shows them.</summary>
internal sealed class RunReader(IDbContextFactory<MelanomaDbContext> databases, ClassCounts counts)
{
    /// <summary>How far a run has come; null when there is none of this id.</summary>
    public async Task<RunSnapshot?> FindAsync(Guid runId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await Snapshots(database, database.Runs.Where(run => run.Id == runId)).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>A run with its epochs and the counts of its classes.</summary>
    public async Task<WireRun> DescribeAsync(RunSnapshot snapshot, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var run = ToWire(snapshot);
        var originals = await counts.OfDatasetAsync(database, snapshot.Run.DatasetId, snapshot.Run.Fold, cancellationToken);
        var variants = await counts.OfAugmentationAsync(database, snapshot.Augmentation, snapshot.Run.Fold, cancellationToken);
        run.Augmentation = await DescribeAugmentationAsync(database, snapshot, originals, variants, cancellationToken);
        var epochs = database.RunEpochs.AsNoTracking().Where(epoch => epoch.RunId == snapshot.Run.Id).OrderBy(epoch => epoch.Epoch);
        run.Progress.AddRange((await epochs.ToListAsync(cancellationToken)).Select(ToWire));
        run.SecondsLeft = SecondsLeft(run, originals.All + variants.All);
        if (run.State == RunState.Augmenting)
        {
            run.Error = await FindBatchErrorAsync(database, snapshot, cancellationToken);
        }

        return run;
    }

    /// <summary>Some runs, the newest first, without their epochs.</summary>
    public async Task<List<WireRun>> ListAsync(Func<IQueryable<Storage.Runs.Run>, IQueryable<Storage.Runs.Run>> choose, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var chosen = choose(database.Runs.OrderByDescending(run => run.RequestedAt).ThenByDescending(run => run.Id));
        var snapshots = await Snapshots(database, chosen).ToListAsync(cancellationToken);
        var augmentations = snapshots.Select(snapshot => snapshot.Augmentation?.Id).OfType<Guid>().ToHashSet();
        var done = await database.AugmentationBatches.Where(batch => augmentations.Contains(batch.AugmentationId) && batch.CompletedAt != null)
            .GroupBy(batch => batch.AugmentationId).Select(group => new { group.Key, Batches = group.Count(), Variants = group.Sum(batch => batch.Count) })
            .ToDictionaryAsync(group => group.Key, cancellationToken);
        return [.. snapshots.OrderByDescending(snapshot => snapshot.Run.RequestedAt).ThenByDescending(snapshot => snapshot.Run.Id).Select(snapshot =>
        {
            var run = ToWire(snapshot);
            run.Augmentation = new AugmentationProgress { Batches = snapshot.Augmentation?.Batches ?? 0 };
            if (snapshot.Augmentation is { } augmentation && done.TryGetValue(augmentation.Id, out var progress))
            {
                run.Augmentation.BatchesDone = progress.Batches;
                run.Augmentation.Variants = progress.Variants;
            }

            return run;
        })];
    }

    // Runs are chosen first: what comes after the projection cannot be translated.
    private static IQueryable<RunSnapshot> Snapshots(MelanomaDbContext database, IQueryable<Storage.Runs.Run> runs) =>
        from run in runs.AsNoTracking()
        join execution in database.RunExecutions on run.Id equals execution.RunId into executions
        from execution in executions.DefaultIfEmpty()
        join augmentation in database.Augmentations
            on new { run.DatasetId, Policy = run.AugmentationPolicy, run.SamplesPerClass, run.Seed }
            equals new { augmentation.DatasetId, augmentation.Policy, augmentation.SamplesPerClass, augmentation.Seed } into augmentations
        from augmentation in augmentations.DefaultIfEmpty()
        join model in database.ModelVersions on run.Id equals model.RunId into models
        from model in models.DefaultIfEmpty()
        select new RunSnapshot(run, augmentation, execution, execution.LeaseUntil > DateTimeOffset.UtcNow, model == null ? null : model.Version);

    private static async Task<AugmentationProgress> DescribeAugmentationAsync(
        MelanomaDbContext database, RunSnapshot snapshot, TrainingImages originals, TrainingImages variants, CancellationToken cancellationToken)
    {
        var progress = new AugmentationProgress { Batches = snapshot.Augmentation?.Batches ?? 0 };
        if (snapshot.Augmentation is { Batches: > 0 } augmentation)
        {
            var shares = await database.AugmentationBatches.Where(batch => batch.AugmentationId == augmentation.Id && batch.CompletedAt != null)
                .GroupBy(batch => batch.Owner).Select(group => new { Worker = group.Key ?? "", Batches = group.Count(), Variants = group.Sum(batch => batch.Count) })
                .OrderBy(share => share.Worker).ToListAsync(cancellationToken);
            progress.BatchesDone = shares.Sum(share => share.Batches);
            progress.Variants = shares.Sum(share => share.Variants);
            progress.Workers.AddRange(shares.Select(share => new WorkerShare { Worker = share.Worker, Batches = share.Batches }));
        }

        var (before, added) = (originals.PerDiagnosis, variants.PerDiagnosis);
        for (var index = 0; index < Diagnoses.Count; index++)
        {
            progress.ClassesBefore.Add(new ClassCount { Diagnosis = Diagnoses.Names[index], Count = before[index] });
            progress.ClassesAfter.Add(new ClassCount { Diagnosis = Diagnoses.Names[index], Count = before[index] + added[index] });
        }

        return progress;
    }

    private static double SecondsLeft(WireRun run, int images)
    {
        if (run.State != RunState.Training || run.ImagesPerSecond <= 0 || images == 0)
        {
            return 0;
        }

        // What an epoch takes besides training: its look at validation. Of an epoch that was taken over only the later part was timed, which tells nothing.
        var epochs = run.Epochs - run.Progress.Count;
        var besides = run.Progress is [.., var last] ? Math.Max(0, last.Seconds - (images / last.ImagesPerSecond)) : 0;
        return Math.Max(0, ((epochs - run.EpochFraction) * images / run.ImagesPerSecond) + (epochs * besides));
    }

    private static async Task<string> FindBatchErrorAsync(MelanomaDbContext database, RunSnapshot snapshot, CancellationToken cancellationToken) =>
        await database.AugmentationBatches
            .Where(batch => batch.AugmentationId == snapshot.Augmentation!.Id && batch.CompletedAt == null && batch.Error != null)
            .OrderBy(batch => batch.Number).Select(batch => batch.Error).FirstOrDefaultAsync(cancellationToken) ?? "";

    private static WireRun ToWire(RunSnapshot snapshot)
    {
        var run = new WireRun
        {
            RunId = snapshot.Run.Id.ToString(),
            Recipe = snapshot.Run.Recipe,
            Protocol = snapshot.Run.DatasetKind switch
            {
                DatasetKind.Reproduction => Protocol.Leaky,
                DatasetKind.CrossValidation => Protocol.CrossValidation,
                _ => Protocol.Honest,
            },
            DatasetId = snapshot.Run.DatasetId,
            Epochs = snapshot.Run.Epochs,
            Seed = snapshot.Run.Seed,
            Views = snapshot.Run.Views,
            State = snapshot.State,
            RequestedAt = snapshot.Run.RequestedAt.ToTimestamp(),
            RequestedBy = snapshot.Run.RequestedBy,
            Error = (snapshot is { State: RunState.Failed, Execution: null } ? snapshot.Augmentation?.Error : snapshot.Execution?.Error) ?? "",
            Attempts = snapshot.Execution?.Attempts ?? 0,
            EpochFraction = snapshot.Execution?.EpochFraction ?? 0,
            ImagesPerSecond = snapshot.Execution?.ImagesPerSecond ?? 0,
        };
        if (snapshot.Run is { CrossValidationId: { } crossValidation, Fold: { } fold })
        {
            run.CrossValidationId = crossValidation.ToString();
            run.Fold = fold;
        }

        if (snapshot.Run.StartVersion is { } start)
        {
            run.StartVersion = start.ToString(CultureInfo.InvariantCulture);
        }

        if (snapshot.ModelVersion is { } version)
        {
            run.ModelVersion = version.ToString(CultureInfo.InvariantCulture);
        }

        return run;
    }

    private static EpochProgress ToWire(RunEpoch epoch) => new()
    {
        Epoch = epoch.Epoch,
        TrainingLoss = epoch.TrainingLoss,
        TrainingAccuracy = epoch.TrainingAccuracy,
        ValidationLoss = epoch.ValidationLoss,
        ValidationAccuracy = epoch.ValidationAccuracy,
        ValidationBalancedAccuracy = epoch.ValidationBalancedAccuracy,
        LearningRate = epoch.LearningRate,
        Seconds = epoch.Seconds,
        ImagesPerSecond = epoch.ImagesPerSecond,
        Worker = epoch.Worker,
    };
}
