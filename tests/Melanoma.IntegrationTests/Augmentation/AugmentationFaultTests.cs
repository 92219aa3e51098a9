using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Runs;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.IntegrationTests.Augmentation;

/// <summary>Workers that end or stand still in the middle of a batch. One batch holds everything and takes seconds on one core.</summary>
[Collection("Augmentation")]
public sealed class AugmentationFaultTests(TestServers servers)
{
    private const int Variants = 60;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_complete_on_another_worker_when_one_is_killed_in_the_middle_of_a_batch()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var (run, worker) = await StartLongBatchAsync(stack);

        await worker.KillAsync();
        await AssertUnfinishedAsync(stack);
        await stack.StartWorkerAsync(Cancellation);

        await AssertCompletedOnceAsync(stack, run, takings: 2);
    }

    [Fact]
    public async Task Should_write_nothing_when_a_frozen_worker_wakes_after_its_lease_lapsed()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var (run, frozen) = await StartLongBatchAsync(stack);

        frozen.Freeze();
        await AssertUnfinishedAsync(stack);
        await stack.StartWorkerAsync(Cancellation);
        await AssertCompletedOnceAsync(stack, run, takings: 2);
        frozen.Thaw();

        await stack.UntilAsync<bool>(_ => Task.FromResult<bool?>(frozen.Log.Contains("was taken by another worker", StringComparison.Ordinal) ? true : null), Cancellation);
        await AssertCompletedOnceAsync(stack, run, takings: 2);
    }

    [Fact]
    public async Task Should_hand_the_batch_back_when_told_to_stop()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var (run, worker) = await StartLongBatchAsync(stack);

        // A batch can be taken before its first announcement is marked as sent; what is unsent afterwards must be of the handing back alone.
        await stack.UntilAsync<bool>(async _ => await UnsentAnnouncementsAsync(stack) == 0 ? true : null, Cancellation);

        Assert.Equal(0, await worker.StopAsync(Cancellation));
        await AssertUnfinishedAsync(stack);
        Assert.Equal(1, await stack.ScalarAsync<long>("SELECT count(*) FROM augmentation_batches WHERE lease_until IS NULL AND owner IS NULL", Cancellation));

        // At least once: the sweep of a worker that is stopping may have found the free batch as well.
        Assert.InRange(await UnsentAnnouncementsAsync(stack), 1, 2);
        await stack.StartWorkerAsync(Cancellation);

        await AssertCompletedOnceAsync(stack, run, takings: 2);
    }

    private static async Task<(Run Run, ServiceProcess Worker)> StartLongBatchAsync(AugmentationStack stack)
    {
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, [.. DatasetRows.Rows(Split.Train, 4, Diagnosis.Melanoma)], Cancellation, size: 640);
        var worker = await stack.StartWorkerAsync(Cancellation, batchSize: Variants);

        // The sweep may plan a run before its message arrives; one that arrives after the faults would rightly announce the result once more.
        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, Variants, Cancellation, announced: false);
        await stack.WaitUntilBatchIsTakenAsync(Cancellation);
        return (run, worker);
    }

    private static Task<long> UnsentAnnouncementsAsync(AugmentationStack stack) => stack.ScalarAsync<long>(
        "SELECT count(*) FROM outbox WHERE message_name = 'melanoma.augmentation-batch-ready.v1' AND sent_at IS NULL", Cancellation);

    private static async Task AssertUnfinishedAsync(AugmentationStack stack)
    {
        await using var database = DatasetRows.Context(stack.Source);
        var batch = await database.AugmentationBatches.AsNoTracking().SingleAsync(Cancellation);
        Assert.Null(batch.CompletedAt);
        Assert.Equal(0, await database.Variants.CountAsync(Cancellation));
    }

    private static async Task AssertCompletedOnceAsync(AugmentationStack stack, Run run, long takings)
    {
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);
        await stack.AssertEachVariantOnceAsync(augmentation, Variants, Cancellation);
        Assert.Equal(1, await stack.CountAnnouncementsAsync(augmentation, Cancellation));
        Assert.Equal(takings, await stack.ScalarAsync<long>("SELECT fence FROM augmentation_batches", Cancellation));
    }
}
