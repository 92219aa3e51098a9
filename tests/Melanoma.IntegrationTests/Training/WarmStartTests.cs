using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Npgsql;

namespace Melanoma.IntegrationTests.Training;

/// <summary>Runs that start from a model version.</summary>
[Collection("Augmentation")]
public sealed class WarmStartTests(TestServers servers)
{
    private const int Elsewhere = 1;
    private const int Leaky = 2;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_inherit_what_the_version_has_seen_and_judge_on_none_of_it_when_a_run_starts_from_it()
    {
        var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
        await using var owner = NpgsqlDataSource.Create(database);
        var dataset = await DatasetRows.InsertHonestAsync(
            owner, [.. Enum.GetValues<Split>().SelectMany(split => DatasetRows.Rows(split, split == Split.Train ? 30 : 10, Diagnosis.Melanoma, Diagnosis.Nevus))], Cancellation);
        await ExecuteAsync($$"""
            INSERT INTO augmentations (id, dataset_id, dataset_kind, policy, samples_per_class, seed, batches, planned_at, completed_at)
            VALUES (gen_random_uuid(), {{dataset}}, 'honest', 'none', 0, 1, 0, now(), now());
            INSERT INTO model_versions (run_id, recipe, recipe_version, dataset_id, dataset_kind, state, created_at, input_size, report)
            VALUES (NULL, 'quick', 1, NULL, 'honest', 'candidate', now(), 128, '{}'), (NULL, 'quick', 1, NULL, 'reproduction', 'candidate', now(), 128, '{}');
            INSERT INTO model_training_images (version, sha256)
            SELECT {{Elsewhere}}, sha256 FROM images JOIN dataset_items ON image_id = id WHERE ordinal IN (SELECT min(ordinal) + 3 FROM dataset_items WHERE split <> 'train' GROUP BY split)
            UNION SELECT {{Elsewhere}}, decode(repeat('00', 32), 'hex')
            """);
        await StoreModelAsync();
        var (warm, other, leaky) = (await RequestAsync("quick", Elsewhere, views: 8), await RequestAsync("seed-baseline", Elsewhere), await RequestAsync("quick", Leaky));

        await CarryOutAsync();

        Assert.Equal("completed", await TextAsync($"SELECT state || coalesce(error, '') FROM run_executions WHERE run_id = '{warm}'"));
        Assert.Contains("another network than seed-baseline", await TextAsync($"SELECT error FROM run_executions WHERE run_id = '{other}' AND state = 'failed'"), StringComparison.Ordinal);
        Assert.Contains("leaky protocol", await TextAsync($"SELECT error FROM run_executions WHERE run_id = '{leaky}' AND state = 'failed'"), StringComparison.Ordinal);
        var report = await TextAsync($"SELECT report::text FROM model_versions WHERE run_id = '{warm}'");
        Assert.Contains("Started from the weights of model version 1.", report, StringComparison.Ordinal);
        Assert.Contains("had seen 1 of the 20 test lesions", report, StringComparison.Ordinal);
        Assert.Contains("had seen 1 of the 20 validation lesions", report, StringComparison.Ordinal);
        Assert.Equal("19", await TextAsync($"SELECT report -> 'test' ->> 'images' FROM model_versions WHERE run_id = '{warm}'"));

        // Asked for eight views, it has them, and no simple model that is the version itself.
        Assert.Equal("8", await TextAsync($"SELECT report ->> 'views' FROM model_versions WHERE run_id = '{warm}'"));
        Assert.Equal("0", await TextAsync($"SELECT report -> 'test' ->> 'flipRate' FROM model_versions WHERE run_id = '{warm}'"));
        Assert.DoesNotContain("frozen features", report, StringComparison.Ordinal);

        // Those of the dataset but test, the test image, and the one that is not of this installation.
        Assert.Equal("82", await TextAsync($"SELECT count(*)::text FROM model_training_images JOIN model_versions USING (version) WHERE run_id = '{warm}'"));

        async Task<Guid> RequestAsync(string recipe, int start, int views = 1)
        {
            var id = Guid.CreateVersion7();
            await ExecuteAsync($"""
                INSERT INTO runs (id, recipe, recipe_version, dataset_id, dataset_kind, epochs, seed, augmentation_policy, samples_per_class, requested_at, requested_by, start_version, views)
                VALUES ('{id}', '{recipe}', 1, {dataset}, 'honest', 1, 1, 'none', 0, clock_timestamp(), 'test', {start}, {views})
                """);
            return id;
        }

        async Task StoreModelAsync()
        {
            var random = SplitMix64.At(5, 5);
            var weights = NetworkCatalogue.Quick.Slots().ToDictionary(
                slot => slot.Name, slot => new Weight(slot.Shape, [.. Enumerable.Range(0, (int)slot.Count).Select(_ => slot.IsTrained ? random.Between(-0.1, 0.1) : 1)]));
            var model = OnnxExporter.Export(NetworkCatalogue.Quick, weights, OutputRule.Plain, []);
            await using var store = owner.CreateCommand("INSERT INTO model_artefacts (version, precision, sha256, bytes) SELECT version, 'fp32', $1, $2 FROM model_versions");
            store.Parameters.Add(new() { Value = SHA256.HashData(model) });
            store.Parameters.Add(new() { Value = model });
            await store.ExecuteNonQueryAsync(Cancellation);
        }

        async Task CarryOutAsync()
        {
            var folder = Directory.CreateTempSubdirectory("melanoma-test-");
            try
            {
                await using var worker = ServiceProcess.Start("Training.Worker", new Dictionary<string, string?>
                {
                    ["ConnectionStrings__melanoma"] = database,
                    ["ConnectionStrings__rabbitmq"] = await servers.CreateVirtualHostAsync(Cancellation),
                    ["Training__CacheFolder"] = folder.FullName,
                    ["Training__SweepSeconds"] = "1",
                    ["Training__FindLabelErrors"] = "false",
                });
                using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
                deadline.CancelAfter(TimeSpan.FromMinutes(4));
                while (await TextAsync("SELECT count(*)::text FROM run_executions WHERE ended_at IS NOT NULL") != "3")
                {
                    await tick.WaitForNextTickAsync(deadline.Token);
                }

                Assert.Equal(0, await worker.StopAsync(Cancellation));
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = owner.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        async Task<string?> TextAsync(string sql)
        {
            await using var command = owner.CreateCommand(sql);
            return (string?)await command.ExecuteScalarAsync(Cancellation);
        }
    }
}
