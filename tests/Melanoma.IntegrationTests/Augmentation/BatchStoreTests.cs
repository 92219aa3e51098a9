using Melanoma.Augmentation;
using Melanoma.Augmentation.Batches;
using Melanoma.Contracts;
using Melanoma.Contracts.Recipes;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Roles;
using Melanoma.Storage.Runs;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.IntegrationTests.Augmentation;

/// <summary>The commit of a batch, against the database alone.</summary>
public sealed class BatchStoreTests(TestServers servers)
{
    private const int Rounds = 25;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_announce_exactly_once_when_the_last_batches_are_finished_at_the_same_time()
    {
        await using var world = await World.CreateAsync(servers);
        for (var round = 0; round < Rounds; round++)
        {
            var augmentation = await world.PlanAsync(seed: round, batches: 3);
            var leases = new List<BatchLease>();
            for (var number = 0; number < 3; number++)
                leases.Add((await world.Leases.ClaimAsync(augmentation, number, Cancellation))!);

            // All three hold their rows and have written before any of them looks whether it is the last.
            var ready = new Barrier(3);
            var announced = await Task.WhenAll(leases.Select(lease => Task.Run(() => world.MakeAsync(lease, bufferBytes: 1, ready), Cancellation)));

            Assert.Equal(1, announced.Count(last => last));
            Assert.Equal(1, await world.CountAsync($"SELECT count(*) FROM augmentations WHERE id = '{augmentation}' AND completed_at IS NOT NULL"));
            Assert.Equal(1, await world.CountAsync($"SELECT count(*) FROM outbox WHERE body->>'augmentationId' = '{augmentation}'"));
            Assert.Equal(6, await world.CountAsync($"SELECT count(*) FROM variants WHERE augmentation_id = '{augmentation}'"));
        }
    }

    [Fact]
    public async Task Should_store_nothing_when_the_batch_was_taken_by_another_worker()
    {
        await using var world = await World.CreateAsync(servers);
        var augmentation = await world.PlanAsync(seed: 1, batches: 1);
        var old = (await world.Leases.ClaimAsync(augmentation, 0, Cancellation))!;
        await world.CountAsync("UPDATE augmentation_batches SET lease_until = now() - interval '1 s'; SELECT 0::bigint");
        var young = (await world.Leases.ClaimAsync(augmentation, 0, Cancellation))!;

        await Assert.ThrowsAsync<LeaseLostException>(() => world.MakeAsync(old));
        Assert.False(await world.Leases.RenewAsync(old, Cancellation));
        Assert.True(await world.MakeAsync(young));
        await Assert.ThrowsAsync<LeaseLostException>(() => world.MakeAsync(young));
        Assert.Equal(2, await world.CountAsync("SELECT count(*) FROM variants"));
    }

    [Fact]
    public async Task Should_give_a_batch_to_one_worker_only_while_its_lease_lasts()
    {
        await using var world = await World.CreateAsync(servers);
        var augmentation = await world.PlanAsync(seed: 1, batches: 1);

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => world.Leases.ClaimAsync(augmentation, 0, Cancellation)));

        Assert.Single(claims, lease => lease is not null);
        Assert.Null(await world.Leases.ClaimNextAsync(Cancellation));
        Assert.InRange((await world.Leases.NextLapseAsync(Cancellation))!.Value.TotalSeconds, 1, 30);
    }

    [Theory]
    [InlineData("cancel_requested_at")]
    [InlineData("pause_requested_at")]
    public async Task Should_leave_a_batch_alone_when_every_run_that_wants_it_was_called_off_or_paused(string wish)
    {
        await using var world = await World.CreateAsync(servers);
        await world.PlanAsync(seed: 1, batches: 2);
        Assert.NotNull(await world.Leases.ClaimNextAsync(Cancellation));

        await world.CountAsync($"UPDATE runs SET {wish} = now(); SELECT 0::bigint");

        Assert.Null(await world.Leases.ClaimNextAsync(Cancellation));
        Assert.Null(await world.Leases.NextLapseAsync(Cancellation));
    }

    [Fact]
    public async Task Should_give_a_batch_up_until_it_is_wanted_again_when_every_attempt_failed()
    {
        await using var world = await World.CreateAsync(servers);
        var augmentation = await world.PlanAsync(seed: 1, batches: 1);
        var attempts = new AugmentationOptions().AttemptsPerBatch;

        // The second time another run wants it, and has as many attempts as the first.
        for (var time = 1; time <= 2; time++)
        {
            for (var attempt = 1; attempt <= attempts; attempt++)
            {
                await world.CountAsync("UPDATE augmentation_batches SET lease_until = NULL; SELECT 0::bigint");
                var lease = (await world.Leases.ClaimAsync(augmentation, 0, Cancellation))!;
                Assert.Equal(attempt == attempts, await world.Leases.FailAsync(lease, "the reason", Cancellation));
                Assert.False(await world.Leases.FailAsync(lease with { Fence = lease.Fence - 1 }, "a stranger's reason", Cancellation));
            }

            Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM augmentations WHERE failed_at IS NOT NULL AND error = 'the reason'"));
            Assert.Null(await world.Leases.ClaimNextAsync(Cancellation));
            Assert.Null(await world.Leases.NextLapseAsync(Cancellation));
            await world.CountAsync("UPDATE runs SET requested_at = clock_timestamp(); SELECT 0::bigint");
        }

        Assert.NotNull(await world.Leases.ClaimNextAsync(Cancellation));
    }

    private sealed class World(NpgsqlDataSource owner, NpgsqlDataSource worker, int dataset) : IDbContextFactory<MelanomaDbContext>, IAsyncDisposable
    {
        private readonly IOptions<AugmentationOptions> _options = Options.Create(new AugmentationOptions());

        public BatchLeases Leases => new(this, _options);

        public static async Task<World> CreateAsync(TestServers servers)
        {
            var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
            var owner = NpgsqlDataSource.Create(database);
            var dataset = await DatasetRows.InsertHonestAsync(owner, [(DiagnosisSet.Of(Diagnosis.Nevus), Split.Train)], Cancellation);
            return new World(owner, NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(database, ServiceRole.Augmentation)), dataset);
        }

        public MelanomaDbContext CreateDbContext() => DatasetRows.Context(worker);

        /// <summary>An augmentation with batches of two variants, and the run that wants it.</summary>
        public async Task<Guid> PlanAsync(int seed, int batches)
        {
            var id = Guid.CreateVersion7();
            await using var database = DatasetRows.Context(owner);
            database.Add(new Melanoma.Storage.Augmentations.Augmentation
            {
                Id = id,
                DatasetId = dataset,
                DatasetKind = DatasetKind.Honest,
                Policy = AugmentationPlan.AugmentorPolicy,
                SamplesPerClass = 2 * batches,
                Seed = seed,
                Batches = batches,
                PlannedAt = DateTimeOffset.UtcNow,
            });
            database.AddRange(Enumerable.Range(0, batches).Select(number => new AugmentationBatch { AugmentationId = id, Number = number, FirstOrdinal = 2 * number, Count = 2 }));
            database.Add(new Run
            {
                Id = Guid.CreateVersion7(),
                Recipe = "quick",
                RecipeVersion = 1,
                DatasetId = dataset,
                DatasetKind = DatasetKind.Honest,
                Epochs = 1,
                Seed = seed,
                AugmentationPolicy = AugmentationPlan.AugmentorPolicy,
                SamplesPerClass = 2 * batches,
                RequestedAt = DateTimeOffset.UtcNow,
                RequestedBy = "test",
            });
            await database.SaveChangesAsync(Cancellation);
            return id;
        }

        /// <summary>Stores a batch as a worker does; with a buffer of one byte each variant goes out by itself.</summary>
        public async Task<bool> MakeAsync(BatchLease lease, long bufferBytes = long.MaxValue, Barrier? beforeCompletion = null)
        {
            await using var keeper = new LeaseKeeper(Leases, lease, TimeSpan.FromMinutes(1), TimeProvider.System, NullLogger.Instance);
            await using var store = new BatchStore(this, lease, keeper, bufferBytes);
            for (var ordinal = lease.FirstOrdinal; ordinal < lease.FirstOrdinal + lease.Count; ordinal++)
                await store.AddAsync(Row(lease.AugmentationId, ordinal), [1, 2, 3], Cancellation);
            beforeCompletion?.SignalAndWait(Cancellation);
            return await store.CompleteAsync(Cancellation);
        }

        public async Task<long> CountAsync(string sql)
        {
            await using var command = owner.CreateCommand(sql);
            return (long)(await command.ExecuteScalarAsync(Cancellation))!;
        }

        public async ValueTask DisposeAsync()
        {
            await worker.DisposeAsync();
            await owner.DisposeAsync();
        }

        private Variant Row(Guid augmentation, int ordinal) => new()
        {
            AugmentationId = augmentation,
            Ordinal = ordinal,
            DatasetId = dataset,
            DatasetKind = DatasetKind.Honest,
            ParentOrdinal = 0,
            ParentSplit = Split.Train,
            Split = Split.Train,
            Label = DiagnosisSet.Of(Diagnosis.Nevus),
            Parameters = "{}",
            Sha256 = [1],
        };
    }
}
