using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts;
using Melanoma.Contracts.Recipes;
using Melanoma.Contracts.V1;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage;
using Melanoma.Storage.Runs;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Split = Melanoma.Storage.Datasets.Split;

namespace Melanoma.IntegrationTests.Runs;

[Collection("Augmentation")]
public sealed class TrainingRunsTests(TestServers servers)
{
    private static readonly (DiagnosisSet Label, Split Split)[] Rows =
    [
        .. DatasetRows.Rows(Split.Train, 2, Diagnosis.Melanoma, Diagnosis.Nevus),
        .. DatasetRows.Rows(Split.Validation, 1, Diagnosis.Melanoma, Diagnosis.Nevus),
        (DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis), Split.Train),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_refuse_with_a_reason_when_a_run_cannot_be()
    {
        await using var ingestion = await RunningIngestion.StartAsync(servers);
        var empty = await Assert.ThrowsAsync<RpcException>(() => ingestion.Runs.StartRunAsync(new() { Recipe = "quick" }, cancellationToken: Cancellation).ResponseAsync);
        Assert.Equal(StatusCode.FailedPrecondition, empty.StatusCode);
        var honest = await DatasetRows.InsertHonestAsync(ingestion.Source, Rows, Cancellation);
        var untrainable = await DatasetRows.InsertHonestAsync(ingestion.Source, [.. DatasetRows.Rows(Split.Test, 1, Diagnosis.Nevus)], Cancellation);
        var unjudgeable = await DatasetRows.InsertHonestAsync(ingestion.Source, [.. DatasetRows.Rows(Split.Train, 1, Diagnosis.Nevus, Diagnosis.Melanoma)], Cancellation);
        await ingestion.ExecuteAsync("""
            INSERT INTO model_versions (run_id, recipe, recipe_version, dataset_id, dataset_kind, state, created_at, input_size, report)
            VALUES (NULL, 'quick', 1, NULL, 'honest', 'candidate', now(), 128, '{}'), (NULL, 'seed-baseline', 1, NULL, 'reproduction', 'candidate', now(), 180, '{}')
            """);
        (StartRunRequest Request, StatusCode Status, string Says)[] refusals =
        [
            (new() { Recipe = "guesswork", DatasetId = honest }, StatusCode.InvalidArgument, "quick"),
            (new() { Recipe = "quick", DatasetId = honest, Protocol = (Protocol)7 }, StatusCode.InvalidArgument, "protocol"),
            (new() { Recipe = "quick", DatasetId = honest, Epochs = 0 }, StatusCode.InvalidArgument, "1 to 1000"),
            (new() { Recipe = "quick", DatasetId = honest, Epochs = 1001 }, StatusCode.InvalidArgument, "1 to 1000"),
            (new() { Recipe = "quick", DatasetId = honest, SamplesPerClass = -1 }, StatusCode.InvalidArgument, "0 to 100000"),
            (new() { Recipe = "seed-baseline", DatasetId = honest, SamplesPerClass = 5 }, StatusCode.InvalidArgument, "no augmentation"),
            (new() { Recipe = "quick", DatasetId = honest, Views = 0 }, StatusCode.InvalidArgument, "1 or 8"),
            (new() { Recipe = "quick", DatasetId = honest, Views = 4 }, StatusCode.InvalidArgument, "1 or 8"),
            (new() { Recipe = "quick", DatasetId = honest, StartVersion = "first" }, StatusCode.InvalidArgument, "whole number"),
            (new() { Recipe = "quick", DatasetId = honest, StartVersion = "7" }, StatusCode.NotFound, "version 7"),
            (new() { Recipe = "standard", DatasetId = honest, StartVersion = "1" }, StatusCode.FailedPrecondition, "network quick"),
            (new() { Recipe = "seed-augmented", DatasetId = honest, StartVersion = "2" }, StatusCode.FailedPrecondition, "leaky protocol"),
            (new() { Recipe = "quick", DatasetId = 999 }, StatusCode.NotFound, "999"),
            (new() { Recipe = "quick", DatasetId = honest, Protocol = Protocol.Leaky }, StatusCode.FailedPrecondition, "reproduction"),
            (new() { Recipe = "quick", DatasetId = untrainable }, StatusCode.FailedPrecondition, "no training images"),
            (new() { Recipe = "quick", DatasetId = unjudgeable }, StatusCode.FailedPrecondition, "no validation images"),
        ];
        foreach (var (request, status, says) in refusals)
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(() => ingestion.Runs.StartRunAsync(request, cancellationToken: Cancellation).ResponseAsync);
            Assert.Equal(status, refusal.StatusCode);
            Assert.Contains(says, refusal.Status.Detail, StringComparison.Ordinal);
        }

        Assert.Empty((await ingestion.Runs.ListRunsAsync(new(), cancellationToken: Cancellation)).Runs);
        var lost = await Assert.ThrowsAsync<RpcException>(
            () => ingestion.Runs.GetRunAsync(new() { RunId = Guid.NewGuid().ToString() }, cancellationToken: Cancellation).ResponseAsync);
        Assert.Equal(StatusCode.NotFound, lost.StatusCode);
        var malformed = await Assert.ThrowsAsync<RpcException>(() => ingestion.Runs.GetRunAsync(new() { RunId = "first" }, cancellationToken: Cancellation).ResponseAsync);
        Assert.Equal(StatusCode.InvalidArgument, malformed.StatusCode);
    }

    [Fact]
    public async Task Should_show_every_stage_to_a_watcher_when_a_run_goes_its_way()
    {
        await using var ingestion = await RunningIngestion.StartAsync(servers);
        var dataset = await DatasetRows.InsertHonestAsync(ingestion.Source, Rows, Cancellation);
        var run = await ingestion.Runs.StartRunAsync(
            new() { Recipe = "QUICK", DatasetId = dataset, SamplesPerClass = 6, Epochs = 3, Seed = 9, Views = 8 },
            PlayedGateway.Caller("tests"), cancellationToken: Cancellation);
        Assert.Equal((RunState.Requested, "quick", "tests", 9, 8), (run.State, run.Recipe, run.RequestedBy, run.Seed, run.Views));
        using var watch = ingestion.Runs.WatchRun(new() { RunId = run.RunId }, cancellationToken: Cancellation);

        await ingestion.StartAugmentationAsync();
        var ready = await NextAsync(watch, RunState.Ready);
        Assert.Equal((3, 3, 12), (ready.Augmentation.BatchesDone, ready.Augmentation.Batches, ready.Augmentation.Variants));
        Assert.Equal(3, ready.Augmentation.Workers.Sum(share => share.Batches));
        Assert.Equal([0, 0, 0, 2, 2, 0, 0, 0, 0], ready.Augmentation.ClassesBefore.Select(count => count.Count));
        Assert.Equal([0, 0, 0, 8, 8, 0, 0, 0, 0], ready.Augmentation.ClassesAfter.Select(count => count.Count));

        var runId = Guid.Parse(run.RunId);
        await ingestion.ChangeAsync(database =>
        {
            database.Add(new RunExecution { RunId = runId, State = RunExecutionState.Training, Attempts = 1, EpochFraction = 0.5, StartedAt = DateTimeOffset.UtcNow });
        });
        Assert.Equal((0.5, 0), Progress(await NextAsync(watch, RunState.Training)));
        await ingestion.ChangeAsync(database => database.Add(new RunEpoch
        {
            RunId = runId,
            Epoch = 1,
            TrainingLoss = 2,
            TrainingAccuracy = 0.3,
            ValidationLoss = 2.1,
            ValidationAccuracy = 0.2,
            ValidationBalancedAccuracy = 0.25,
            LearningRate = 0.001,
            Seconds = 3,
            ImagesPerSecond = 8.5,
            Worker = "trainer",
        }));

        // 17 images: 2 seconds of the first epoch were training, 1 was a look at validation. Half of the second is left, at twice the speed, and all of the third.
        await ingestion.ChangeAsync(database => database.RunExecutions.Single().ImagesPerSecond = 17);
        Assert.Equal((0.5, 3.5), Progress(await ingestion.Runs.GetRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation)));
        await ingestion.ChangeAsync(database =>
        {
            var execution = database.RunExecutions.Single();
            execution.State = RunExecutionState.Failed;
            execution.Error = "the reason";
        });
        var failed = await NextAsync(watch, RunState.Failed);
        Assert.Equal(("the reason", 1), (failed.Error, failed.Progress.Single().Epoch));
        Assert.False(await watch.ResponseStream.MoveNext(Cancellation));

        var late = await Assert.ThrowsAsync<RpcException>(() => ingestion.Runs.CancelRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation).ResponseAsync);
        Assert.Equal(StatusCode.FailedPrecondition, late.StatusCode);
        var listed = Assert.Single((await ingestion.Runs.ListRunsAsync(new(), cancellationToken: Cancellation)).Runs);
        Assert.Equal((run.RunId, RunState.Failed, 12), (listed.RunId, listed.State, listed.Augmentation.Variants));
        Assert.Empty(listed.Progress);

        static (double Fraction, double Seconds) Progress(Contracts.V1.Run run) => (run.EpochFraction, Math.Round(run.SecondsLeft, 9));
    }

    [Fact]
    public async Task Should_fail_with_the_reason_and_let_a_later_run_try_again_when_variants_cannot_be_made()
    {
        await using var ingestion = await RunningIngestion.StartAsync(servers);
        var dataset = await DatasetRows.InsertHonestAsync(ingestion.Source, Rows, Cancellation);
        await ingestion.ExecuteAsync("CREATE TABLE aside AS TABLE image_contents; DELETE FROM image_contents");
        StartRunRequest request = new() { Recipe = "quick", DatasetId = dataset, SamplesPerClass = 2 };
        var first = await ingestion.Runs.StartRunAsync(request, cancellationToken: Cancellation);
        using var watch = ingestion.Runs.WatchRun(new() { RunId = first.RunId }, cancellationToken: Cancellation);

        await ingestion.StartAugmentationAsync();

        var failed = await NextAsync(watch, RunState.Failed);
        Assert.Contains("not in the catalogue", failed.Error, StringComparison.Ordinal);
        Assert.False(await watch.ResponseStream.MoveNext(Cancellation));

        await ingestion.ExecuteAsync("INSERT INTO image_contents TABLE aside");
        var second = await ingestion.Runs.StartRunAsync(request, cancellationToken: Cancellation);
        using var again = ingestion.Runs.WatchRun(new() { RunId = second.RunId }, cancellationToken: Cancellation);
        await NextAsync(again, RunState.Ready);
        Assert.Equal(RunState.Failed, (await ingestion.Runs.GetRunAsync(new() { RunId = first.RunId }, cancellationToken: Cancellation)).State);
    }

    [Fact]
    public async Task Should_end_at_once_when_a_run_is_called_off_before_anybody_took_it()
    {
        await using var ingestion = await RunningIngestion.StartAsync(servers);
        var dataset = await DatasetRows.InsertHonestAsync(ingestion.Source, Rows, Cancellation);
        var run = await ingestion.Runs.StartRunAsync(new() { Recipe = "seed-baseline", DatasetId = dataset }, cancellationToken: Cancellation);
        using var watch = ingestion.Runs.WatchRun(new() { RunId = run.RunId }, cancellationToken: Cancellation);
        await NextAsync(watch, RunState.Requested);

        var cancelled = await ingestion.Runs.CancelRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation);

        Assert.Equal(RunState.Cancelled, cancelled.State);
        await NextAsync(watch, RunState.Cancelled);
        Assert.False(await watch.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(RunState.Cancelled, (await ingestion.Runs.CancelRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation)).State);
    }

    [Fact]
    public async Task Should_rest_until_it_is_resumed_and_end_at_once_when_a_paused_run_is_called_off()
    {
        await using var ingestion = await RunningIngestion.StartAsync(servers);
        var dataset = await DatasetRows.InsertHonestAsync(ingestion.Source, Rows, Cancellation);
        var run = await ingestion.Runs.StartRunAsync(new() { Recipe = "seed-baseline", DatasetId = dataset }, cancellationToken: Cancellation);
        using var watch = ingestion.Runs.WatchRun(new() { RunId = run.RunId }, cancellationToken: Cancellation);
        Assert.Equal(RunState.Requested, (await ResumeAsync()).State);
        Assert.Equal((RunState.Paused, RunState.Paused), ((await PauseAsync()).State, (await PauseAsync()).State));
        await NextAsync(watch, RunState.Paused);
        Assert.Equal(RunState.Requested, (await ResumeAsync()).State);
        await NextAsync(watch, RunState.Requested);

        // A worker takes it, is told to let go, and does.
        await ingestion.ChangeAsync(database => database.Add(new RunExecution
        {
            RunId = Guid.Parse(run.RunId),
            State = RunExecutionState.Training,
            LeaseUntil = DateTimeOffset.UtcNow.AddHours(1),
            Attempts = 1,
            StartedAt = DateTimeOffset.UtcNow,
        }));
        Assert.Equal(RunState.Training, (await PauseAsync()).State);
        await ingestion.ChangeAsync(database => database.RunExecutions.Single().LeaseUntil = null);
        await NextAsync(watch, RunState.Paused);

        var cancelled = await ingestion.Runs.CancelRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation);

        Assert.Equal(RunState.Cancelled, cancelled.State);
        await NextAsync(watch, RunState.Cancelled);
        Assert.False(await watch.ResponseStream.MoveNext(Cancellation));
        foreach (var wish in new[] { PauseAsync, ResumeAsync })
        {
            Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(wish)).StatusCode);
        }

        Task<Contracts.V1.Run> PauseAsync() => ingestion.Runs.PauseRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation).ResponseAsync;

        Task<Contracts.V1.Run> ResumeAsync() => ingestion.Runs.ResumeRunAsync(new() { RunId = run.RunId }, cancellationToken: Cancellation).ResponseAsync;
    }

    [Fact]
    public async Task Should_name_every_recipe_when_asked()
    {
        await using var ingestion = await RunningIngestion.StartAsync(servers);
        var recipes = (await ingestion.Runs.ListRecipesAsync(new(), cancellationToken: Cancellation)).Recipes;
        Assert.Equal(RecipeCatalogue.All.Select(recipe => (recipe.Name, recipe.Epochs)), recipes.Select(recipe => (recipe.Name, recipe.Epochs)));
    }

    private static async Task<Contracts.V1.Run> NextAsync(AsyncServerStreamingCall<Contracts.V1.Run> watch, RunState state)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromMinutes(3));
        while (await watch.ResponseStream.MoveNext(deadline.Token))
        {
            if (watch.ResponseStream.Current.State == state)
                return watch.ResponseStream.Current;
        }

        throw new InvalidOperationException($"The stream ended without {state}.");
    }

    private sealed class RunningIngestion(string database, string broker, ServiceProcess service) : IAsyncDisposable
    {
        private readonly GrpcChannel _channel = PlayedGateway.Connect(service.Grpc);
        private ServiceProcess? _augmentation;

        public NpgsqlDataSource Source { get; } = NpgsqlDataSource.Create(database);

        public TrainingRuns.TrainingRunsClient Runs => new(_channel);

        public static async Task<RunningIngestion> StartAsync(TestServers servers)
        {
            var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
            var broker = await servers.CreateVirtualHostAsync(Cancellation);
            var service = ServiceProcess.Start("Ingestion.Service", Settings(database, broker));
            await service.WaitUntilReadyAsync(TimeSpan.FromMinutes(3), Cancellation);
            return new RunningIngestion(database, broker, service);
        }

        public async Task StartAugmentationAsync()
        {
            var settings = Settings(database, broker);
            settings["Augmentation__BatchSize"] = "4";
            settings["Augmentation__SweepSeconds"] = "1";
            settings["Augmentation__AttemptsPerBatch"] = "2";
            _augmentation = ServiceProcess.Start("Augmentation.Worker", settings);
            await _augmentation.WaitUntilReadyAsync(TimeSpan.FromMinutes(3), Cancellation);
        }

        public async Task ExecuteAsync(string sql)
        {
            await using var command = Source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        public async Task ChangeAsync(Action<MelanomaDbContext> change)
        {
            await using var context = DatasetRows.Context(Source);
            change(context);
            await context.SaveChangesAsync(Cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            _channel.Dispose();
            if (_augmentation is not null)
                await _augmentation.DisposeAsync();
            await service.DisposeAsync();
            await Source.DisposeAsync();
        }

        private static Dictionary<string, string?> Settings(string database, string broker) =>
            new() { ["ConnectionStrings__melanoma"] = database, ["ConnectionStrings__rabbitmq"] = broker };
    }
}
