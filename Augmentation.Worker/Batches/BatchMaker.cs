using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Melanoma.Augmentation.Planning;
using Melanoma.Augmentation.Policies;
using Melanoma.Imaging;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Augmentation.Batches;

/// <summary>Makes one batch at a time, in parallel inside. Whoever made it, the variants are the same bytes.</summary>
internal sealed partial class BatchMaker(
    BatchLeases leases,
    IDbContextFactory<MelanomaDbContext> databases,
    NpgsqlDataSource dataSource,
    IOptions<AugmentationOptions> options,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<BatchMaker> logger) : IDisposable
{
    private static readonly TimeSpan HoldWhileStopping = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestHandBack = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ConcurrentQueue<BatchLease> _unfinished = [];
    private readonly ConcurrentQueue<(Guid AugmentationId, int Number)> _untouched = [];
    private LoadedPlan? _plan;

    /// <summary>Makes a certain batch unless it is done or another worker has it. Waits for its turn.</summary>
    public async Task MakeAsync(Guid augmentationId, int number, CancellationToken cancellationToken)
    {
        if (!await TryWaitForTurnAsync(cancellationToken))
        {
            // Held back a little, or a stopping worker would take the whole queue one by one.
            _untouched.Enqueue((augmentationId, number));
            await Task.Delay(HoldWhileStopping, time, cancellationToken);
            return;
        }

        try
        {
            if (await leases.ClaimAsync(augmentationId, number, cancellationToken) is { } lease)
            {
                await MakeAsync(lease, cancellationToken);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Makes the next batch that nobody has. False when there is none, or this worker is at work already.</summary>
    public async Task<bool> TryMakeNextAsync(CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested || !await _turn.WaitAsync(TimeSpan.Zero, cancellationToken))
        {
            return false;
        }

        try
        {
            if (await leases.ClaimNextAsync(cancellationToken) is not { } lease)
            {
                return false;
            }

            await MakeAsync(lease, cancellationToken);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Gives back what this worker had taken and did not finish. Called when it takes no messages any more, or it would take its own.</summary>
    public async Task HandBackAsync(CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(LongestHandBack, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            while (_unfinished.TryDequeue(out var lease))
            {
                await leases.HandBackAsync(lease, either.Token);
            }

            while (_untouched.TryDequeue(out var batch))
            {
                await leases.CallAsync(batch.AugmentationId, batch.Number, either.Token);
            }
        }
        catch (Exception exception) when (DatabaseTrouble.Is(exception) || exception is OperationCanceledException)
        {
            // Then leases lapse by themselves and sweeps find the rest, a little later.
            LogNotHandedBack(exception.Message);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _turn.Dispose();

    private async Task<bool> TryWaitForTurnAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping, cancellationToken);
        try
        {
            await _turn.WaitAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task MakeAsync(BatchLease lease, CancellationToken cancellationToken)
    {
        using var activity = AugmentationTelemetry.Source.StartActivity("augmentation batch", ActivityKind.Internal);
        activity?.SetTag("melanoma.augmentation", lease.AugmentationId).SetTag("melanoma.batch", lease.Number);
        var started = time.GetTimestamp();
        await using var keeper = new LeaseKeeper(leases, lease, options.Value.Lease, time, logger);
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(keeper.Lost, lifetime.ApplicationStopping, cancellationToken);
        try
        {
            var last = await MakeAndStoreAsync(lease, keeper, abort.Token);
            var took = time.GetElapsedTime(started);
            AugmentationTelemetry.Completed(lease.Count, took);
            LogCompleted(lease.Number, lease.AugmentationId, lease.Count, took.TotalSeconds);
            if (last)
            {
                LogAllCompleted(lease.AugmentationId);
            }
        }
        catch (Exception exception) when (exception is LeaseLostException || (exception is OperationCanceledException && keeper.Lost.IsCancellationRequested))
        {
            AugmentationTelemetry.NotCompleted("lost");
            LogLost(lease.Number, lease.AugmentationId);
        }
        catch (OperationCanceledException) when (abort.IsCancellationRequested)
        {
            await keeper.StopAsync();
            _unfinished.Enqueue(lease);
            AugmentationTelemetry.NotCompleted("handed_back");
            LogHandedBack(lease.Number, lease.AugmentationId);
        }
        catch (Exception exception) when (!DatabaseTrouble.Is(exception))
        {
            // Counted on the row, whatever it was: a batch that fails each time must end its runs, not this worker.
            AugmentationTelemetry.NotCompleted("failed");
            await keeper.StopAsync();
            if (await leases.FailAsync(lease, exception.Message, CancellationToken.None))
            {
                LogGivenUp(exception, lease.Number, lease.AugmentationId);
            }
            else
            {
                LogFailed(exception, lease.Number, lease.AugmentationId);
            }
        }
    }

    private async Task<bool> MakeAndStoreAsync(BatchLease lease, LeaseKeeper keeper, CancellationToken cancellationToken)
    {
        var loaded = await LoadPlanAsync(lease.AugmentationId, cancellationToken);
        var byImage = Enumerable.Range(lease.FirstOrdinal, lease.Count).Select(ordinal => loaded.Plan[ordinal]).ToLookup(variant => variant.Parent.ImageId);
        var parents = 0;
        await using var store = new BatchStore(databases, lease, keeper, options.Value.BufferMebibytes * 1024L * 1024);
        await Parallel.ForEachAsync(
            ImageContents.ReadAsync(dataSource, [.. byImage.Select(group => group.Key)], cancellationToken),
            new ParallelOptions { MaxDegreeOfParallelism = options.Value.EffectiveParallelism, CancellationToken = cancellationToken },
            async (parent, token) =>
            {
                Interlocked.Increment(ref parents);
                RgbImage? decoded = null;
                foreach (var variant in byImage[parent.ImageId])
                {
                    token.ThrowIfCancellationRequested();
                    var bytes = variant.Degrees == 0 ? parent.Bytes : AugmentorPolicy.Turn(decoded ??= AugmentorPolicy.Decode(parent.Bytes), variant.Degrees);
                    await store.AddAsync(Row(loaded, variant, bytes), bytes, token);
                }
            });
        if (parents != byImage.Count)
        {
            throw new UnusableParentException($"The bytes of {byImage.Count - parents} of {byImage.Count} parents are not in the catalogue.");
        }

        // All is made: storing it takes less time than making it again elsewhere, so a stop waits for it.
        return await store.CompleteAsync(CancellationToken.None);
    }

    private static Variant Row(LoadedPlan loaded, PlannedVariant variant, byte[] bytes) => new()
    {
        AugmentationId = loaded.AugmentationId,
        Ordinal = variant.Ordinal,
        DatasetId = loaded.DatasetId,
        DatasetKind = loaded.DatasetKind,
        ParentOrdinal = variant.Parent.Ordinal,
        ParentSplit = variant.Parent.Split,
        Split = variant.Split,
        Label = variant.Parent.Label,
        Parameters = AugmentorPolicy.Describe(variant.Degrees),
        Sha256 = SHA256.HashData(bytes),
    };

    // Datasets never change, and batches of one augmentation come one after the other: the last plan is kept.
    private async Task<LoadedPlan> LoadPlanAsync(Guid augmentationId, CancellationToken cancellationToken)
    {
        if (_plan?.AugmentationId == augmentationId)
        {
            return _plan;
        }

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var planned = await database.Augmentations.AsNoTracking().SingleAsync(candidate => candidate.Id == augmentationId, cancellationToken);
        var parents = await AugmentationPlanner.ParentsOf(database.DatasetItems, planned.DatasetId, planned.DatasetKind).OrderBy(item => item.Ordinal)
            .Select(item => new Parent(item.Ordinal, item.ImageId, item.Split, item.Label)).ToListAsync(cancellationToken);
        var plan = new VariantPlan(planned.DatasetKind, planned.Policy, planned.SamplesPerClass, planned.Seed, parents);
        return _plan = new LoadedPlan(augmentationId, planned.DatasetId, planned.DatasetKind, plan);
    }

    private sealed record LoadedPlan(Guid AugmentationId, int DatasetId, DatasetKind DatasetKind, VariantPlan Plan);

    [LoggerMessage(30, LogLevel.Information, "Batch {Number} of augmentation {AugmentationId} is stored: {Variants} variants in {Seconds:0.00} s")]
    private partial void LogCompleted(int number, Guid augmentationId, int variants, double seconds);

    [LoggerMessage(31, LogLevel.Information, "Augmentation {AugmentationId} is complete")]
    private partial void LogAllCompleted(Guid augmentationId);

    [LoggerMessage(32, LogLevel.Warning, "Batch {Number} of augmentation {AugmentationId} was taken by another worker meanwhile")]
    private partial void LogLost(int number, Guid augmentationId);

    [LoggerMessage(33, LogLevel.Information, "Batch {Number} of augmentation {AugmentationId} is handed back, because this worker stops")]
    private partial void LogHandedBack(int number, Guid augmentationId);

    [LoggerMessage(34, LogLevel.Warning, "Batches could not be handed back and wait for their leases to lapse: {Reason}")]
    private partial void LogNotHandedBack(string reason);

    [LoggerMessage(35, LogLevel.Error, "Batch {Number} of augmentation {AugmentationId} cannot be made and is tried again later")]
    private partial void LogFailed(Exception exception, int number, Guid augmentationId);

    [LoggerMessage(37, LogLevel.Error, "Batch {Number} of augmentation {AugmentationId} is given up, and its runs have failed")]
    private partial void LogGivenUp(Exception exception, int number, Guid augmentationId);
}
