using Melanoma.Contracts;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Training;

/// <summary>A worker on which runs are paused.</summary>
[Collection("Augmentation")]
public sealed class PausedRunTests(TestServers servers)
{
    private const int Epochs = 8;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_do_another_run_meanwhile_and_end_in_the_same_model_when_a_run_is_paused_and_resumed()
    {
        var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
        await using var owner = NpgsqlDataSource.Create(database);
        var dataset = await DatasetRows.InsertHonestAsync(
            owner, [.. Enum.GetValues<Split>().SelectMany(split => DatasetRows.Rows(split, split == Split.Train ? 90 : 10, Diagnosis.Melanoma, Diagnosis.Nevus))], Cancellation);
        await ExecuteAsync($"""
            INSERT INTO augmentations (id, dataset_id, dataset_kind, policy, samples_per_class, seed, batches, planned_at, completed_at)
            VALUES (gen_random_uuid(), {dataset}, 'honest', 'none', 0, 1, 0, now(), now())
            """);
        var (paused, undisturbed) = (await RequestAsync(), await RequestAsync());
        var folder = Directory.CreateTempSubdirectory("melanoma-test-");
        try
        {
            await using var worker = ServiceProcess.Start("Training.Worker", new Dictionary<string, string?>
            {
                ["ConnectionStrings__melanoma"] = database,
                ["ConnectionStrings__rabbitmq"] = await servers.CreateVirtualHostAsync(Cancellation),
                ["Training__CacheFolder"] = folder.FullName,
                ["Training__SweepSeconds"] = "1",
                ["Training__LeaseSeconds"] = "2",
                ["Training__Threads"] = "1",
                ["Training__FindLabelErrors"] = "false",
            });

            await WaitAsync($"SELECT count(*) FROM run_executions WHERE run_id = '{paused}' AND epoch_fraction > 0");
            await ExecuteAsync($"UPDATE runs SET pause_requested_at = now() WHERE id = '{paused}'");
            await WaitAsync($"SELECT count(*) FROM run_executions WHERE run_id = '{undisturbed}' AND state = 'completed'");
            Assert.Equal(1, await CountAsync($"""
                SELECT count(*) FROM run_executions WHERE run_id = '{paused}' AND state = 'training' AND lease_until IS NULL AND attempts = 0
                    AND (SELECT count(*) FROM run_epochs WHERE run_id = '{paused}') < {Epochs}
                """));
            await ExecuteAsync($"UPDATE runs SET pause_requested_at = NULL WHERE id = '{paused}'");
            await WaitAsync($"SELECT count(*) FROM run_executions WHERE run_id = '{paused}' AND state = 'completed' AND attempts = 1");

            Assert.Equal(0, await worker.StopAsync(Cancellation));
            Assert.Equal((4, 2), (await CountAsync("SELECT count(*) FROM model_artefacts"), await CountAsync("SELECT count(DISTINCT (precision, sha256)) FROM model_artefacts")));
            Assert.Equal((2 * Epochs, Epochs), (
                await CountAsync("SELECT count(*) FROM run_epochs"),
                await CountAsync("SELECT count(DISTINCT (epoch, training_loss, training_accuracy, validation_loss, validation_balanced_accuracy)) FROM run_epochs")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        async Task<Guid> RequestAsync()
        {
            var id = Guid.CreateVersion7();
            await ExecuteAsync($"""
                INSERT INTO runs (id, recipe, recipe_version, dataset_id, dataset_kind, epochs, seed, augmentation_policy, samples_per_class, requested_at, requested_by)
                VALUES ('{id}', 'quick', 1, {dataset}, 'honest', {Epochs}, 1, 'none', 0, clock_timestamp(), 'test')
                """);
            return id;
        }

        async Task WaitAsync(string sql)
        {
            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            deadline.CancelAfter(TimeSpan.FromMinutes(4));
            while (await CountAsync(sql) == 0)
            {
                await tick.WaitForNextTickAsync(deadline.Token);
            }
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = owner.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        async Task<long> CountAsync(string sql)
        {
            await using var command = owner.CreateCommand(sql);
            return (long)(await command.ExecuteScalarAsync(Cancellation))!;
        }
    }
}
