using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Samples;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Training;

/// <summary>What an honest run finds about the labels and the lesions that it was trained on.</summary>
[Collection("Augmentation")]
public sealed class RunFindingTests(TestServers servers) : IAsyncDisposable
{
    private const int Each = 60;
    private const int Size = 96;

    // Rows with one picture, turned: the first two are news, the third is in the first one's group, the fourth was called another lesion.
    private const int FirstView = (2 * Each) + 10;
    private const int SecondView = (2 * Each) + 20;
    private const int KnownView = (2 * Each) + 30;
    private const int RejectedView = (2 * Each) + 40;

    private const string Views = """
        SELECT count(*) FROM likely_lesion_views AS found
        JOIN dataset_items AS one ON one.image_id = found.image_id JOIN dataset_items AS other ON other.image_id = found.other_image_id

        """;

    private static readonly Diagnosis[] Drawn = [Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("melanoma-test-");
    private NpgsqlDataSource? _owner;
    private string? _database;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_find_swapped_labels_and_other_views_and_ask_about_nothing_decided_when_a_run_ends(bool frozen)
    {
        var weights = frozen ? SharedData.Require("efficientnet_lite0_imagenet.safetensors") : null;
        await PrepareAsync();
        await PrepareViewsAsync();
        await ExecuteAsync("""
            INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
            SELECT id, images.label, 4, 'ada', now() FROM images JOIN dataset_items ON image_id = id WHERE ordinal = 1
            """);

        var log = await CarryOutAsync(weights);

        Assert.True(await CountAsync("SELECT count(*) FROM model_versions") == 1, log);
        Assert.Equal(Drawn.Length, await CountAsync("""
            SELECT count(*) FROM model_report_pictures AS picture JOIN dataset_items AS item USING (image_id)
            WHERE NOT is_augmented AND item.label = picture.label AND split = 'train'
            """));
        Assert.Equal(Drawn.Length * 6, await CountAsync("SELECT count(*) FROM model_report_pictures WHERE is_augmented"));
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
        Assert.True(await CountAsync(Views + $"WHERE (one.ordinal, other.ordinal) IN (({FirstView}, {SecondView}), ({SecondView}, {FirstView}))") == 1, log);
        Assert.Equal(0, await CountAsync(Views + $"WHERE one.ordinal IN ({KnownView}, {RejectedView}) AND other.ordinal IN ({FirstView}, {KnownView}, {RejectedView})"));
        Assert.Equal(1, await CountAsync("SELECT count(*) FROM outbox WHERE message_name = 'melanoma.lesion-views-found.v1'"));
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
        Assert.Equal(wanted, log.Contains("goes on without having looked for other views", StringComparison.Ordinal));
        Assert.Equal(0, await CountAsync("SELECT (SELECT count(*) FROM likely_label_errors) + (SELECT count(*) FROM likely_lesion_views)"));
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
        _database = await servers.CreateMigratedDatabaseAsync(Cancellation);
        _owner = NpgsqlDataSource.Create(_database);
        var rows = Drawn.SelectMany(diagnosis => Enumerable.Range(0, Each).Select(i => (DiagnosisSet.Of(diagnosis), i < Each - 10 ? Split.Train : Split.Validation)));
        await DatasetRows.InsertHonestAsync(_owner, [.. rows], Cancellation, size: Size);
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

    private async Task PrepareViewsAsync()
    {
        foreach (var (ordinal, quarters) in new[] { (FirstView, 0), (SecondView, 1), (KnownView, 2), (RejectedView, 3) })
        {
            await using var replace = _owner!.CreateCommand(
                "UPDATE image_contents SET bytes = $2 FROM dataset_items AS item WHERE item.image_id = image_contents.image_id AND ordinal = $1");
            replace.Parameters.Add(new() { Value = ordinal });
            replace.Parameters.Add(new() { Value = ImageEncoder.EncodeJpeg(Turned(SyntheticLesions.Draw((int)Drawn[2], 7, Size), quarters), 92) });
            Assert.Equal(1, await replace.ExecuteNonQueryAsync(Cancellation));
        }

        await ExecuteAsync($"""
            UPDATE images SET group_id = (SELECT group_id FROM dataset_items WHERE ordinal = {FirstView}) FROM dataset_items AS item
                WHERE image_id = images.id AND ordinal = {KnownView};
            INSERT INTO review_decisions (action, decided_by, decided_at, comment) VALUES ('reject', 'ada', now(), ''), ('reject', 'ada', now(), '');
            INSERT INTO review_decision_images (decision_id, image_id) SELECT 1, image_id FROM dataset_items WHERE ordinal IN ({FirstView}, {RejectedView});
            INSERT INTO review_decision_images (decision_id, image_id) SELECT 2, image_id FROM dataset_items WHERE ordinal IN ({SecondView}, {RejectedView})
            """);
    }

    private static RgbImage Turned(RgbImage picture, int quarters)
    {
        for (; quarters > 0; quarters--)
        {
            var turned = new RgbImage(picture.Height, picture.Width);
            for (var y = 0; y < picture.Height; y++)
            {
                for (var x = 0; x < picture.Width; x++)
                    picture.Row(y).Slice(3 * x, 3).CopyTo(turned.Row(x)[(3 * (picture.Height - 1 - y))..]);
            }

            picture = turned;
        }

        return picture;
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
