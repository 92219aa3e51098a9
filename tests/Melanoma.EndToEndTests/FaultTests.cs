using System.Diagnostics;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>Workers die at the worst moment; the work is done all the same, and once.</summary>
public sealed class FaultTests(TestServers servers)
{
    private const int SamplesPerClass = 60;
    private const int Epochs = 6;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task Should_complete_the_run_once_when_an_augmentation_worker_and_a_training_worker_are_killed()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        await using var stack = await Stack.StartAsync(servers, workers: 2, deadline.Token);
        var archive = await TestDelivery.WriteAsync(stack.Folder, deadline.Token);
        (await stack.RunAsync(deadline.Token, "ingest", archive, "--json")).Succeeded();
        var started = await stack.RunAsync(
            deadline.Token, "train", "--recipe", "quick", "--epochs", $"{Epochs}", "--samples", $"{SamplesPerClass}", "--json");
        var run = started.Succeeded().Document.GetProperty("id").GetString()!;

        var batch = await KillInTheMiddleOfABatchAsync(stack, deadline.Token);
        var killedTrainer = await KillAfterSecondEpochAsync(stack, run, deadline.Token);
        var ended = await WatchUntilAsync(stack, run, item => item.State is RunState.Completed or RunState.Failed or RunState.Cancelled, deadline.Token);

        Assert.True(ended.State == RunState.Completed, $"{ended.State}: {ended.Error}\n{stack.Complaints()}");
        await AssertEachVariantOnceAsync(stack, batch, deadline.Token);
        Assert.Equal(Enumerable.Range(1, Epochs), ended.Progress.Select(epoch => epoch.Epoch));
        Assert.True(ended.Attempts >= 2);
        Assert.True(IsOf(ended.Progress[1].Worker, killedTrainer));
        Assert.False(IsOf(ended.Progress[^1].Worker, killedTrainer));
        Assert.Equal(1, await stack.QueryAsync<long>($"SELECT count(*) FROM model_versions WHERE run_id = '{run}'", deadline.Token));
    }

    private static async Task<int> KillInTheMiddleOfABatchAsync(Stack stack, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (number, owner) = await UnfinishedBatchAsync(stack, cancellationToken);
            var worker = stack.AugmentationWorkers.Single(process => IsOf(owner, process));
            // Frozen first, so that it is certain that the batch was not finished before the kill.
            worker.Freeze();
            if (await stack.QueryAsync<bool>($"SELECT completed_at IS NULL FROM augmentation_batches WHERE number = {number} AND owner = '{owner}'", cancellationToken))
            {
                await worker.KillAsync();
                return number;
            }

            worker.Thaw();
        }
    }

    private static async Task<(int Number, string Owner)> UnfinishedBatchAsync(Stack stack, CancellationToken cancellationToken)
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (await tick.WaitForNextTickAsync(cancellationToken))
        {
            await using var command = stack.Database.CreateCommand("SELECT number, owner FROM augmentation_batches WHERE completed_at IS NULL AND owner IS NOT NULL LIMIT 1");
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            if (await rows.ReadAsync(cancellationToken))
                return (rows.GetInt32(0), rows.GetString(1));
        }

        throw new UnreachableException();
    }

    private static async Task<ServiceProcess> KillAfterSecondEpochAsync(Stack stack, string run, CancellationToken cancellationToken)
    {
        var running = await WatchUntilAsync(stack, run, item => item.Progress.Count >= 2, cancellationToken);
        var worker = stack.TrainingWorkers.Single(process => IsOf(running.Progress[1].Worker, process));
        // Frozen first, so that it is certain that the run had not ended before the kill.
        worker.Freeze();
        Assert.Equal("training", await stack.QueryAsync<string>($"SELECT state FROM run_executions WHERE run_id = '{run}'", cancellationToken));
        await worker.KillAsync();
        return worker;
    }

    private static async Task<Run> WatchUntilAsync(Stack stack, string run, Func<Run, bool> condition, CancellationToken cancellationToken)
    {
        using var watch = new TrainingRuns.TrainingRunsClient(stack.Invoker).WatchRun(new GetRunRequest { RunId = run }, cancellationToken: cancellationToken);
        await foreach (var state in watch.ResponseStream.ReadAllAsync(cancellationToken))
        {
            if (condition(state) || state.State is RunState.Completed or RunState.Failed or RunState.Cancelled)
                return state;
        }

        throw new InvalidOperationException("The stream ended before the run did.");
    }

    private static async Task AssertEachVariantOnceAsync(Stack stack, int killedBatch, CancellationToken cancellationToken)
    {
        const int Planned = SamplesPerClass * Diagnoses.Count;
        Assert.Equal(Planned, await stack.QueryAsync<long>("SELECT count(*) FROM variants", cancellationToken));
        Assert.Equal(Planned, await stack.QueryAsync<long>("SELECT count(DISTINCT ordinal) FROM variants", cancellationToken));
        Assert.Equal(Planned - 1, await stack.QueryAsync<int>("SELECT max(ordinal) FROM variants", cancellationToken));
        Assert.Equal(0, await stack.QueryAsync<long>("SELECT count(*) FROM augmentation_batches WHERE completed_at IS NULL", cancellationToken));
        var survivor = stack.AugmentationWorkers.Single(process => !process.HasExited);
        Assert.True(IsOf(await stack.QueryAsync<string>($"SELECT owner FROM augmentation_batches WHERE number = {killedBatch}", cancellationToken), survivor));
    }

    // A worker's name is its host, its process id and a random part.
    private static bool IsOf(string worker, ServiceProcess process) => worker.Contains($"-{process.Id}-", StringComparison.Ordinal);
}
