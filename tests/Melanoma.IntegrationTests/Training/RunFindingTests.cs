using Melanoma.Contracts;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Training;

/// <summary>What an honest run finds about the labels it was trained on.</summary>
[Collection("Augmentation")]
public sealed class LabelErrorRunTests(TestServers servers) : IAsyncDisposable
{
    private const int Each = 60;

    private static readonly Diagnosis[] Drawn = [Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("melanoma-test-");
    private NpgsqlDataSource? _owner;
    private string? _database;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_find_labels_that_were_swapped_and_ask_about_no_decided_lesion_when_a_run_ends(bool frozen)
    {
        var weights = frozen ? SharedData.Require("efficientnet_lite0_imagenet.safetensors") : null;
        await PrepareAsync();
        await ExecuteAsync("""
            INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
            SELECT id, images.label, 4, 'ada', now() FROM images JOIN dataset_items ON image_id = id WHERE ordinal = 1
            """);

        var log = await CarryOutAsync(weights);

        Assert.True(await CountAsync("SELECT count(*) FROM model_versions") == 1, log);
        var found = await CountAsync("SELECT count(*) FROM likely_label_errors JOIN runs ON runs.id = run_id");
        Assert.True(found > 0 && found <= Drawn.Length * Each / 10, log);
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM likely_label_errors JOIN dataset_items USING (image_id) WHERE ordinal = 1"));
        Assert.InRange(await CountAsync($"""
            SELECT count(*) FROM likely_label_errors JOIN dataset_items USING (image_id)
            WHERE ordinal IN (2, 3, {Each}, {Each + 1}) AND claim = label AND reason LIKE 'Another picture of the lesion is labelled%'
            """), 2, 4);
        Assert.Equal(1, await CountAsync("""
            SELECT count(*) FROM outbox WHERE service = 'training' AND message_name = 'melanoma.label-errors-found.v1'
                AND body ->> 'runId' = (SELECT id::text FROM runs)
            """));
    }

    [Theory]
    [InlineData("not weights", true)]
    [InlineData(null, true)]
    [InlineData("not weights", false)]
    public async Task Should_register_the_model_all_the_same_when_the_search_cannot_be_done_or_is_not_wanted(string? content, bool wanted)
    {
        await PrepareAsync();
        var weights = Path.Combine(_folder.FullName, "weights.safetensors");
        if (content is not null)
        {
            await File.WriteAllTextAsync(weights, content, Cancellation);
        }

        var log = await CarryOutAsync(weights, wanted);

        Assert.Equal(1, await CountAsync("SELECT count(*) FROM model_versions JOIN run_executions USING (run_id) WHERE run_executions.state = 'completed'"));
        Assert.Equal(wanted, log.Contains("goes on without having looked for label errors", StringComparison.Ordinal));
        Assert.Equal(1, await CountAsync("SELECT count(*) FROM outbox"));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM likely_label_errors"));
    }

    public async ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        if (_owner is not null)
        {
            await _owner.DisposeAsync();
        }
    }

    /// <summary>A dataset of three diagnoses with two labels of the first and two of the second swapped, and a run on it. Since the dataset was made, another
    /// picture of each of these four lesions was found.</summary>
    private async Task PrepareAsync()
    {
        _database = await servers.CreateDatabaseAsync(Cancellation);
        await MelanomaDatabase.MigrateAsync(_database, Cancellation);
        _owner = NpgsqlDataSource.Create(_database);
        var rows = Drawn.SelectMany(diagnosis => Enumerable.Range(0, Each).Select(i => (DiagnosisSet.Of(diagnosis), i < Each - 10 ? Split.Train : Split.Validation)));
        await DatasetRows.InsertHonestAsync(_owner, [.. rows], Cancellation, size: 96);
        var (first, second) = (DiagnosisSet.Of(Drawn[0]).Bits, DiagnosisSet.Of(Drawn[1]).Bits);
        await ExecuteAsync($"""
            UPDATE dataset_items SET label = CASE WHEN ordinal IN (2, 3) THEN {second} ELSE {first} END WHERE ordinal IN (2, 3, {Each}, {Each + 1});
            UPDATE images SET label = item.label FROM dataset_items AS item WHERE image_id = images.id;
            UPDATE images SET group_id = other.group_id FROM dataset_items AS item JOIN dataset_items AS other ON other.ordinal = item.ordinal + 2
                WHERE item.image_id = images.id AND item.ordinal IN (2, 3, {Each}, {Each + 1});
            INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at) SELECT id, label, 0, 'folder', now() FROM images;
            INSERT INTO runs (id, recipe, recipe_version, dataset_id, dataset_kind, epochs, seed, augmentation_policy, samples_per_class, requested_at, requested_by)
            SELECT gen_random_uuid(), 'quick', 1, id, kind, 1, 1, 'none', 0, now(), 'test' FROM datasets;
            INSERT INTO augmentations (id, dataset_id, dataset_kind, policy, samples_per_class, seed, batches, planned_at, completed_at)
            SELECT gen_random_uuid(), id, kind, 'none', 0, 1, 0, now(), now() FROM datasets
            """);
    }

    /// <summary>Lets a worker carry the run out.</summary>
    /// <returns>What the worker logged.</returns>
    private async Task<string> CarryOutAsync(string? weights, bool wanted = true)
    {
        await using var worker = ServiceProcess.Start("Training.Worker", new Dictionary<string, string?>
        {
            ["ConnectionStrings__melanoma"] = _database,
            ["ConnectionStrings__rabbitmq"] = await servers.CreateVirtualHostAsync(Cancellation),
            ["Training__CacheFolder"] = Path.Combine(_folder.FullName, "cache"),
            ["Training__SweepSeconds"] = "1",
            ["Training__InitialWeights"] = weights,
            ["Training__FindLabelErrors"] = wanted.ToString(),
        });
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromMinutes(4));
        while (await CountAsync("SELECT count(*) FROM run_executions WHERE ended_at IS NOT NULL") == 0)
        {
            await tick.WaitForNextTickAsync(deadline.Token);
        }

        Assert.Equal(0, await worker.StopAsync(Cancellation));
        return worker.Log;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = _owner!.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    private async Task<long> CountAsync(string sql)
    {
        await using var command = _owner!.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(Cancellation))!;
    }
}
