using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Roles;
using Melanoma.Storage.Runs;
using Melanoma.Testing;
using Melanoma.Training;
using Melanoma.Training.Artefacts;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.IntegrationTests.Training;

/// <summary>What training writes about a run, as training's own role, and the worker that writes it.</summary>
[Collection("Augmentation")]
public sealed class RunLedgerTests(TestServers servers)
{
    private static readonly EpochFigures Figures = new(1, 2, 0.3, 2.1, 0.2, 0.25, 0.001, 3, 40);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_give_each_run_to_one_worker_when_several_ask_at_once()
    {
        await using var world = await World.CreateAsync(servers);
        var run = await world.RequestAsync(await world.DatasetAsync());

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => world.Ledger.ClaimAsync(Cancellation)));

        Assert.Equal(run.Id, Assert.Single(claims, claim => claim is not null)!.RunId);
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM run_executions WHERE attempts = 1 AND fence = 1"));
    }

    [Fact]
    public async Task Should_write_nothing_when_another_worker_took_the_run_over()
    {
        await using var world = await World.CreateAsync(servers);
        await world.RequestAsync(await world.DatasetAsync());
        var old = (await world.Ledger.ClaimAsync(Cancellation))!;
        await world.LapseAsync();
        var young = (await world.Ledger.ClaimAsync(Cancellation))!;

        Assert.Equal(LeaseState.Lost, await world.Ledger.RenewAsync(old, default, Cancellation));
        Func<Task>[] writes =
        [
            () => world.Ledger.StoreEpochAsync(old, Figures, [1], Cancellation),
            () => world.Ledger.HandBackAsync(old, 1, [1], Cancellation),
            () => world.Ledger.HandBackAsync(old, Cancellation),
            () => world.Ledger.RecordTestLookAsync(old, Cancellation),
            () => world.Ledger.RegisterAsync(old, Report(old), [], 8, new VersionFiles([1], null, "fp32"), RunFindings.None, Cancellation),
            () => world.Ledger.ReleaseAsync(old, "an error", Cancellation),
            () => world.Ledger.FailAsync(old, "an error", Cancellation),
            () => world.Ledger.CancelAsync(old, Cancellation),
        ];
        foreach (var write in writes)
        {
            await Assert.ThrowsAsync<LeaseLostException>(write);
        }

        Assert.Equal(0, await world.CountAsync(
            "SELECT (SELECT count(*) FROM run_epochs) + (SELECT count(*) FROM checkpoints) + (SELECT count(*) FROM test_looks) + (SELECT count(*) FROM model_versions)"));
        Assert.Equal((2, LeaseState.Held), (young.Attempt, await world.Ledger.RenewAsync(young, default, Cancellation)));
        Assert.Equal(1, await world.Ledger.RegisterAsync(young, Report(young), [], 8, new VersionFiles([1], null, "fp32"), RunFindings.None, Cancellation));
        Assert.Equal(2, await world.CountAsync(
            $"SELECT count(*) FROM model_training_images t JOIN images i USING (sha256) JOIN dataset_items d ON d.image_id = i.id AND d.dataset_id = {young.DatasetId} AND d.split <> 'test'"));
    }

    [Fact]
    public async Task Should_register_the_model_without_a_picture_when_its_image_is_forgotten_at_that_moment()
    {
        await using var world = await World.CreateAsync(servers);
        await world.RequestAsync(await world.DatasetAsync());
        var claim = (await world.Ledger.ClaimAsync(Cancellation))!;
        var nevus = DiagnosisSet.Of(Diagnosis.Nevus);
        await using var forgetting = await world.ForgetAsync(ordinal: 0);

        var registering = world.Ledger.RegisterAsync(
            claim, Report(claim), [new(0, nevus, false, [1]), new(0, nevus, true, [2]), new(1, nevus, false, [3])], 8, new VersionFiles([1], null, "fp32"), RunFindings.None, Cancellation);
        using (var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20)))
        {
            while (await world.CountAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0)
            {
                Assert.False(registering.IsCompleted, "it did not wait");
                await tick.WaitForNextTickAsync(Cancellation);
            }
        }

        await forgetting.CommitAsync(Cancellation);

        Assert.Equal(1, await registering);
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM model_report_pictures JOIN dataset_items USING (image_id) WHERE dataset_items.ordinal = 1"));
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM model_report_pictures"));
    }

    [Fact]
    public async Task Should_hold_a_whole_lease_again_and_know_the_figures_when_an_epoch_is_stored()
    {
        await using var world = await World.CreateAsync(servers);
        await world.RequestAsync(await world.DatasetAsync());
        var claim = (await world.Ledger.ClaimAsync(Cancellation))!;
        Assert.Empty(await world.Ledger.EpochsAsync(claim, Cancellation));
        await world.CountAsync("UPDATE run_executions SET lease_until = clock_timestamp() + interval '5 s'; SELECT 0::bigint");

        await world.Ledger.StoreEpochAsync(claim, Figures, [1, 2, 3], Cancellation);

        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM run_executions WHERE lease_until > clock_timestamp() + interval '15 s'"));
        Assert.Equal(new EpochReport(1, 2, 0.3, 2.1, 0.2, 0.25), Assert.Single(await world.Ledger.EpochsAsync(claim, Cancellation)));
        Assert.Equal([1, 2, 3], Assert.Single(await world.Ledger.CheckpointsAsync(claim, Cancellation)));
    }

    [Fact]
    public async Task Should_leave_a_run_alone_when_its_variants_were_given_up_or_it_was_called_off()
    {
        await using var world = await World.CreateAsync(servers);
        var dataset = await world.DatasetAsync();
        await world.RequestAsync(dataset, seed: 1);
        await world.RequestAsync(dataset, seed: 2);
        await world.CountAsync("UPDATE augmentations SET failed_at = clock_timestamp() WHERE seed = 1; UPDATE runs SET cancel_requested_at = now() WHERE seed = 2; SELECT 0::bigint");

        Assert.Null(await world.Ledger.ClaimAsync(Cancellation));

        await world.CountAsync("UPDATE runs SET requested_at = clock_timestamp() WHERE seed = 1; SELECT 0::bigint");
        Assert.NotNull(await world.Ledger.ClaimAsync(Cancellation));
    }

    [Fact]
    public async Task Should_give_a_paused_run_to_nobody_and_count_no_attempt_until_it_is_resumed_or_called_off()
    {
        await using var world = await World.CreateAsync(servers);
        await world.RequestAsync(await world.DatasetAsync());
        await PauseAsync("now()");
        Assert.Null(await world.Ledger.ClaimAsync(Cancellation));
        for (byte time = 1; time <= 3; time++)
        {
            await PauseAsync("NULL");
            var claim = (await world.Ledger.ClaimAsync(Cancellation))!;
            Assert.Equal((1, time), (claim.Attempt, claim.Fence));

            await PauseAsync("now()");
            Assert.Equal(LeaseState.PauseRequested, await world.Ledger.RenewAsync(claim, default, Cancellation));
            await (time == 1 ? world.Ledger.HandBackAsync(claim, Cancellation) : world.Ledger.HandBackAsync(claim, 0, [time], Cancellation));

            Assert.Null(await world.Ledger.ClaimAsync(Cancellation));
            Assert.Equal(time == 1 ? [] : [[time]], await world.Ledger.CheckpointsAsync(claim, Cancellation));
        }

        await world.CountAsync("UPDATE runs SET cancel_requested_at = now(); SELECT 0::bigint");
        Assert.Null(await world.Ledger.ClaimAsync(Cancellation));
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM run_executions WHERE state = 'cancelled' AND ended_at IS NOT NULL"));

        Task PauseAsync(string when) => world.CountAsync($"UPDATE runs SET pause_requested_at = {when}; SELECT 0::bigint");
    }

    [Fact]
    public async Task Should_count_every_look_at_a_lesion_when_attempts_and_datasets_share_the_test_split()
    {
        await using var world = await World.CreateAsync(servers);
        var (first, second, stranger) = (await world.DatasetAsync(), await world.DatasetAsync(), await world.DatasetAsync());
        await world.CountAsync(
            $"""
            INSERT INTO dataset_groups (dataset_id, kind, group_id, split) SELECT {second}, kind, group_id, split FROM dataset_groups WHERE dataset_id = {first} AND split = 'test';
            SELECT 0::bigint
            """);

        Assert.Equal(1, await LookAsync(first, seed: 1));
        Assert.Equal(1, await LookAsync(stranger, seed: 2));
        Assert.Equal(2, await LookAsync(second, seed: 3));
        await world.LapseAsync();
        var again = (await world.Ledger.ClaimAsync(Cancellation))!;
        Assert.Equal((first, 3), (again.DatasetId, await world.Ledger.RecordTestLookAsync(again, Cancellation)));

        // A comparison of models is a look as well.
        var version = await world.Ledger.RegisterAsync(again, Report(again), [], 8, new VersionFiles([1], null, "fp32"), RunFindings.None, Cancellation);
        await world.CountAsync(
            $"INSERT INTO comparison_looks (version, other_version, dataset_id, actor, looked_at) VALUES ({version}, {version}, {first}, 'test', now()); SELECT 0::bigint");
        Assert.Equal((4, 1), (await TestLookCount.ReadAsync(world.Source, second, Cancellation), await TestLookCount.ReadAsync(world.Source, stranger, Cancellation)));

        async Task<int> LookAsync(int dataset, int seed)
        {
            await world.RequestAsync(dataset, seed);
            return await world.Ledger.RecordTestLookAsync((await world.Ledger.ClaimAsync(Cancellation))!, Cancellation);
        }
    }

    [Fact]
    public async Task Should_clear_what_killed_workers_left_when_a_cache_is_loaded()
    {
        await using var world = await World.CreateAsync(servers);
        var run = await world.RequestAsync(await world.DatasetAsync());
        var claim = (await world.Ledger.ClaimAsync(Cancellation))!;
        var folder = Directory.CreateTempSubdirectory("melanoma-test-");
        try
        {
            var (left, fresh) = (Path.Combine(folder.FullName, "a-8.pixels.left.tmp"), Path.Combine(folder.FullName, "a-8.pixels.fresh.tmp"));
            await File.WriteAllBytesAsync(left, [1], Cancellation);
            await File.WriteAllBytesAsync(fresh, [1], Cancellation);
            File.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-2));
            var images = new DatasetImages(
                world.Source, new ForgottenImages(world.Source, NullLogger<ForgottenImages>.Instance),
                Options.Create(new TrainingOptions { CacheFolder = folder.FullName }), TimeProvider.System, NullLogger<DatasetImages>.Instance);

            var data = await images.LoadAsync(run.DatasetId, claim.AugmentationId, 16, leastLesions: 1, heldOut: null, Cancellation);
            data.Images.Dispose();

            Assert.Equal(3, data.Images.Count);
            Assert.Equal((false, true), (File.Exists(left), File.Exists(fresh)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Should_end_once_with_the_reason_when_two_workers_are_woken_for_an_unknown_recipe()
    {
        await using var world = await World.CreateAsync(servers);
        var broker = await servers.CreateVirtualHostAsync(Cancellation);
        var folder = Directory.CreateTempSubdirectory("melanoma-test-");
        try
        {
            await using var one = world.StartWorker(broker, folder.FullName);
            await using var other = world.StartWorker(broker, folder.FullName);
            await Task.WhenAll(
                one.WaitUntilReadyAsync(TimeSpan.FromMinutes(3), Cancellation), other.WaitUntilReadyAsync(TimeSpan.FromMinutes(3), Cancellation));
            var dataset = await world.DatasetAsync();
            var cancelled = await world.RequestAsync(dataset, seed: 1, cancelled: true);

            var unknown = await world.RequestAsync(dataset, seed: 2, recipe: "guesswork");

            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            deadline.CancelAfter(TimeSpan.FromMinutes(1));
            while (await world.CountAsync($"SELECT count(*) FROM run_executions WHERE run_id = '{unknown.Id}' AND state = 'failed' AND error LIKE '%guesswork%'") == 0)
            {
                await tick.WaitForNextTickAsync(deadline.Token);
            }

            Assert.Equal((0, 0), (await one.StopAsync(Cancellation), await other.StopAsync(Cancellation)));
            Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM run_executions WHERE attempts = 1 AND fence = 1"));
            Assert.Equal(0, await world.CountAsync($"SELECT count(*) FROM run_executions WHERE run_id = '{cancelled.Id}'"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static ModelReport Report(RunClaim claim)
    {
        var figures = new SplitFigures
        {
            Images = 1,
            Groups = 1,
            CoarseImages = 0,
            Accuracy = 1,
            AccuracyInterval = new Interval(0, 1),
            BalancedAccuracy = 1,
            BalancedAccuracyInterval = new Interval(0, 1),
            Loss = 1,
            CalibrationErrorBefore = 0,
            CalibrationErrorAfter = 0,
            Classes = [],
            Confusion = [],
        };
        return new ModelReport
        {
            Recipe = claim.Recipe,
            RecipeVersion = claim.RecipeVersion,
            DatasetId = claim.DatasetId,
            Protocol = "honest",
            Epochs = claim.Epochs,
            Seed = claim.Seed,
            Parameters = 1,
            ClassesBefore = [],
            ClassesAfter = [],
            Validation = figures,
            TestLooks = 0,
            ClassPrior = [],
            Temperature = 1,
            Unsupported = [],
            ParityDifference = 0,
            Findings = [],
        };
    }

    private sealed class World(string database, NpgsqlDataSource owner) : IAsyncDisposable
    {
        public NpgsqlDataSource Source { get; } = NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(database, ServiceRole.Training));

        public RunLedger Ledger => new(Source, Options.Create(new TrainingOptions()));

        public static async Task<World> CreateAsync(TestServers servers)
        {
            var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
            return new World(database, NpgsqlDataSource.Create(database));
        }

        public ServiceProcess StartWorker(string broker, string cacheFolder) => ServiceProcess.Start("Training.Worker", new Dictionary<string, string?>
        {
            ["ConnectionStrings__melanoma"] = database,
            ["ConnectionStrings__rabbitmq"] = broker,
            ["Training__CacheFolder"] = cacheFolder,
            ["Training__Threads"] = "1",
            ["Training__SweepSeconds"] = "1",
        });

        /// <summary>A lesion in each split.</summary>
        public Task<int> DatasetAsync() => DatasetRows.InsertHonestAsync(
            owner, [.. Enum.GetValues<Split>().SelectMany(split => DatasetRows.Rows(split, 1, Diagnosis.Nevus))], Cancellation);

        /// <summary>A run whose variants are complete.</summary>
        public async Task<Run> RequestAsync(int dataset, int seed = 1, string recipe = "quick", bool cancelled = false)
        {
            var run = new Run
            {
                Id = Guid.CreateVersion7(),
                Recipe = recipe,
                RecipeVersion = 1,
                DatasetId = dataset,
                DatasetKind = DatasetKind.Honest,
                Epochs = 1,
                Seed = seed,
                AugmentationPolicy = "none",
                SamplesPerClass = 0,
                RequestedAt = DateTimeOffset.UtcNow,
                RequestedBy = "test",
                CancelRequestedAt = cancelled ? DateTimeOffset.UtcNow : null,
            };
            await using var context = DatasetRows.Context(owner);
            context.Add(run);
            context.Add(new Melanoma.Storage.Augmentations.Augmentation
            {
                Id = Guid.CreateVersion7(),
                DatasetId = dataset,
                DatasetKind = DatasetKind.Honest,
                Policy = "none",
                SamplesPerClass = 0,
                Seed = seed,
                Batches = 0,
                PlannedAt = DateTimeOffset.UtcNow,
                CompletedAt = DateTimeOffset.UtcNow,
            });
            await context.SaveChangesAsync(Cancellation);
            return run;
        }

        /// <summary>Deletes the bytes of a row's image, in a transaction that is still open.</summary>
        public async Task<NpgsqlTransaction> ForgetAsync(int ordinal)
        {
            var connection = await owner.OpenConnectionAsync(Cancellation);
            var transaction = await connection.BeginTransactionAsync(Cancellation);
            await using var command = new NpgsqlCommand(
                $"DELETE FROM image_contents WHERE image_id IN (SELECT image_id FROM dataset_items WHERE ordinal = {ordinal})", connection, transaction);
            await command.ExecuteNonQueryAsync(Cancellation);
            return transaction;
        }

        public Task<long> LapseAsync() => CountAsync("UPDATE run_executions SET lease_until = clock_timestamp() - interval '1 s'; SELECT 0::bigint");

        public async Task<long> CountAsync(string sql)
        {
            await using var command = owner.CreateCommand(sql);
            return (long)(await command.ExecuteScalarAsync(Cancellation))!;
        }

        public async ValueTask DisposeAsync()
        {
            await Source.DisposeAsync();
            await owner.DisposeAsync();
        }
    }
}
