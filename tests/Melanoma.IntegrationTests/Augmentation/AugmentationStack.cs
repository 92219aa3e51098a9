using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Recipes;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Melanoma.Storage.Runs;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.IntegrationTests.Augmentation;

/// <summary>A database, a virtual host and augmentation workers as processes of their own.</summary>
internal sealed class AugmentationStack : IAsyncDisposable
{
    private readonly string _database;
    private readonly string _broker;
    private readonly List<ServiceProcess> _workers = [];

    private AugmentationStack(string database, string broker)
    {
        _database = database;
        _broker = broker;
        Source = NpgsqlDataSource.Create(database);
    }

    public NpgsqlDataSource Source { get; }

    public static async Task<AugmentationStack> StartAsync(TestServers servers, CancellationToken cancellationToken)
    {
        var database = await servers.CreateMigratedDatabaseAsync(cancellationToken);
        return new AugmentationStack(database, await servers.CreateVirtualHostAsync(cancellationToken));
    }

    /// <summary>Starts a worker that sweeps every second and holds leases for three, so that faults take seconds, not minutes.</summary>
    public async Task<ServiceProcess> StartWorkerAsync(
        CancellationToken cancellationToken, int batchSize = 10, int parallelism = 1, int forgottenSweepSeconds = 600)
    {
        var worker = ServiceProcess.Start("Augmentation.Worker", new Dictionary<string, string?>
        {
            ["ConnectionStrings__melanoma"] = _database,
            ["ConnectionStrings__rabbitmq"] = _broker,
            ["Augmentation__BatchSize"] = $"{batchSize}",
            ["Augmentation__Parallelism"] = $"{parallelism}",
            ["Augmentation__LeaseSeconds"] = "3",
            ["Augmentation__SweepSeconds"] = "1",
            ["Augmentation__ForgottenSweepSeconds"] = $"{forgottenSweepSeconds}",
        });
        _workers.Add(worker);
        await worker.WaitUntilReadyAsync(TimeSpan.FromMinutes(3), cancellationToken);
        return worker;
    }

    /// <summary>
    /// Asks for a run; the message goes out through the augmentation workers' own relay, unless it is not to be announced: then a worker's sweep finds the run.
    /// </summary>
    public async Task<Run> RequestRunAsync(
        int datasetId, DatasetKind kind, int samplesPerClass, CancellationToken cancellationToken, int seed = 123, string policy = AugmentationPlan.AugmentorPolicy,
        bool announced = true)
    {
        var run = new Run
        {
            Id = Guid.CreateVersion7(),
            Recipe = "quick",
            RecipeVersion = 1,
            DatasetId = datasetId,
            DatasetKind = kind,
            Epochs = 1,
            Seed = seed,
            AugmentationPolicy = policy,
            SamplesPerClass = samplesPerClass,
            RequestedAt = DateTimeOffset.UtcNow,
            RequestedBy = "test",
        };
        await using var database = DatasetRows.Context(Source);
        database.Add(run);
        if (announced)
            database.Add(OutboxMessage.For(ServiceRole.Augmentation, new RunRequested(run.Id)));
        await database.SaveChangesAsync(cancellationToken);
        return run;
    }

    public async Task PublishAsync(object message, CancellationToken cancellationToken)
    {
        await using var database = DatasetRows.Context(Source);
        database.Add(OutboxMessage.For(ServiceRole.Augmentation, message));
        await database.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Waits until the augmentation that a run wants is complete and returns its id.</summary>
    public Task<Guid> WaitUntilAugmentedAsync(Run run, CancellationToken cancellationToken) => UntilAsync(
        database => database.Augmentations
            .Where(made => made.DatasetId == run.DatasetId && made.Policy == run.AugmentationPolicy && made.SamplesPerClass == run.SamplesPerClass
                && made.Seed == run.Seed && made.CompletedAt != null)
            .Select(made => (Guid?)made.Id).SingleOrDefaultAsync(cancellationToken),
        cancellationToken);

    /// <summary>Waits until some batch is being made and returns its fence.</summary>
    public Task<long> WaitUntilBatchIsTakenAsync(CancellationToken cancellationToken) => UntilAsync(
        database => database.AugmentationBatches.Where(batch => batch.LeaseUntil != null && batch.CompletedAt == null)
            .Select(batch => (long?)batch.Fence).FirstOrDefaultAsync(cancellationToken),
        cancellationToken);

    /// <summary>Looks until there is an answer, for at most three minutes.</summary>
    public async Task<T> UntilAsync<T>(Func<MelanomaDbContext, Task<T?>> look, CancellationToken cancellationToken)
        where T : struct
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromMinutes(3));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        await using var database = DatasetRows.Context(Source);
        try
        {
            while (true)
            {
                if (await look(database) is { } answer)
                    return answer;
                await tick.WaitForNextTickAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"It did not come to pass. The workers' logs:\n{string.Join('\n', _workers.Select(worker => worker.Log))}");
        }
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = Source.CreateCommand(sql);
        foreach (var parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Every variant's ordinal, once and without gaps, each with its bytes, whose hash is the one on the row.</summary>
    public async Task AssertEachVariantOnceAsync(Guid augmentationId, int expected, CancellationToken cancellationToken)
    {
        var sound = await ScalarAsync<long>(
            """
            SELECT count(*) FROM variants v JOIN variant_contents c USING (augmentation_id, ordinal)
            WHERE augmentation_id = $1 AND ordinal >= 0 AND ordinal < $2 AND sha256(c.bytes) = v.sha256
            """, cancellationToken, augmentationId, expected);
        Assert.Equal(expected, sound);
        Assert.Equal(expected, await ScalarAsync<long>("SELECT count(*) FROM variants", cancellationToken));
        Assert.Equal(expected, await ScalarAsync<long>("SELECT count(*) FROM variant_contents", cancellationToken));
    }

    public Task<long> CountAnnouncementsAsync(Guid augmentationId, CancellationToken cancellationToken) => ScalarAsync<long>(
        "SELECT count(*) FROM outbox WHERE message_name = 'melanoma.augmentation-completed.v1' AND body->>'augmentationId' = $1",
        cancellationToken, augmentationId.ToString());

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers)
            await worker.DisposeAsync();
        await Source.DisposeAsync();
    }
}
