using Melanoma.IntegrationTests.Augmentation;
using Melanoma.Storage;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Melanoma.IntegrationTests.Storage;

public sealed class UpgradeOfSchemaTests(TestServers servers)
{
    private const string BeforeHonestData = "20261123135236_TestLooksAndFailedAugmentations";
    private const string BeforeSeals = "20261127225530_ServedArtefacts";
    private const string BeforeModelComparisons = "20261126151934_LesionViews";

    // Three images of one delivery, two of them with the same perceptual hash, the last received first.
    private const string Old = """
        INSERT INTO deliveries (id, name, state, delivered_by, received_at) VALUES
            ('00000000-0000-7000-8000-000000000001', 'old', 'completed', 'test', '2026-01-01');
        INSERT INTO lesion_groups (id, delivered_as_test) SELECT gen_random_uuid(), false FROM generate_series(1, 3);
        INSERT INTO images (id, sha256, group_id, media_type, width, height, size_bytes, perceptual_hash, received_at, label_state)
            SELECT gen_random_uuid(), sha256(row_number::text::bytea), id, 'image/jpeg', 100, 100, 10, -7, timestamptz '2026-01-01' - row_number * interval '1 hour', 'unlabelled'
            FROM (SELECT id, row_number() OVER () FROM lesion_groups) AS numbered;
        INSERT INTO delivery_files (delivery_id, path, outcome, reason, image_id, size_bytes)
            SELECT '00000000-0000-7000-8000-000000000001', id::text, 'stored', '', id, 10 FROM images;
        """;

    // A model of a dataset with an image in each split.
    private const string OldModel = """
        INSERT INTO deliveries (id, name, state, delivered_by, received_at) VALUES
            ('00000000-0000-7000-8000-000000000001', 'old', 'completed', 'test', '2026-01-01');
        INSERT INTO lesion_groups (id, delivered_as_test) SELECT md5(split)::uuid, false FROM unnest(ARRAY['train', 'validation', 'test']) AS split;
        INSERT INTO images (id, sha256, group_id, delivery_id, media_type, width, height, size_bytes, received_at, label_state)
            SELECT md5('image' || split)::uuid, sha256(split::bytea), md5(split)::uuid, '00000000-0000-7000-8000-000000000001', 'image/jpeg', 100, 100, 10, now(), 'settled'
            FROM unnest(ARRAY['train', 'validation', 'test']) AS split;
        INSERT INTO datasets (kind, created_at, content_hash, rules, parked) VALUES ('honest', now(), 'content', '{}', 0);
        INSERT INTO dataset_groups (dataset_id, kind, group_id, split)
            SELECT 1, 'honest', md5(split)::uuid, split FROM unnest(ARRAY['train', 'validation', 'test']) AS split;
        INSERT INTO dataset_items (dataset_id, ordinal, kind, split, group_id, image_id, label)
            SELECT 1, number - 1, 'honest', split, md5(split)::uuid, md5('image' || split)::uuid, 16
            FROM unnest(ARRAY['train', 'validation', 'test']) WITH ORDINALITY AS splits (split, number);
        INSERT INTO runs (id, recipe, recipe_version, dataset_id, dataset_kind, epochs, seed, augmentation_policy, samples_per_class, requested_at, requested_by)
            VALUES ('00000000-0000-7000-8000-000000000002', 'quick', 1, 1, 'honest', 1, 1, 'none', 0, now(), 'test');
        INSERT INTO model_versions (run_id, recipe, recipe_version, dataset_id, dataset_kind, state, created_at, input_size, report)
            VALUES ('00000000-0000-7000-8000-000000000002', 'quick', 1, 1, 'honest', 'candidate', now(), 64, '{}');
        """;

    // Answers of a model that is not there, which none of this is about.
    private const string OldAnswers = """
        SET session_replication_role = replica;
        INSERT INTO predictions (id, time, tenant, caller, model_version, execution_provider, image_sha256, probabilities, diagnosis, latency_ms, reasons)
            SELECT gen_random_uuid(), now(), 'north', 'key', 1, 'CPU', sha256('image'), array_fill(1.0 / 9, ARRAY[9]), 4, 1, '{}' FROM generate_series(1, 3);
        SET session_replication_role = DEFAULT;
        """;

    [Fact]
    public async Task Should_know_what_a_model_was_trained_and_chosen_on_when_it_is_of_before()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var owner = await servers.CreateDatabaseAsync(cancellation);
        await using var source = NpgsqlDataSource.Create(owner);
        await using (var database = DatasetRows.Context(source))
            await database.GetService<IMigrator>().MigrateAsync(BeforeModelComparisons, cancellation);
        await using (var old = source.CreateCommand(OldModel))
            await old.ExecuteNonQueryAsync(cancellation);

        await MelanomaDatabase.MigrateAsync(owner, cancellation);

        await using var seen = source.CreateCommand(
            "SELECT string_agg(version || ' ' || split, ', ' ORDER BY split) FROM model_training_images JOIN images USING (sha256) JOIN dataset_items ON image_id = images.id");
        Assert.Equal("1 train, 1 validation", await seen.ExecuteScalarAsync(cancellation));
    }

    [Fact]
    public async Task Should_wait_for_their_seals_when_answers_are_of_before()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var owner = await servers.CreateDatabaseAsync(cancellation);
        await using var source = NpgsqlDataSource.Create(owner);
        await using (var database = DatasetRows.Context(source))
            await database.GetService<IMigrator>().MigrateAsync(BeforeSeals, cancellation);
        await using (var old = source.CreateCommand(OldAnswers))
            await old.ExecuteNonQueryAsync(cancellation);

        await MelanomaDatabase.MigrateAsync(owner, cancellation);

        await using var waiting = source.CreateCommand("SELECT count(*) FROM unsealed_predictions JOIN predictions ON id = prediction_id");
        Assert.Equal(3L, await waiting.ExecuteScalarAsync(cancellation));
    }

    [Fact]
    public async Task Should_keep_and_number_the_images_when_the_schema_of_before_has_some()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var owner = await servers.CreateDatabaseAsync(cancellation);
        await using var source = NpgsqlDataSource.Create(owner);
        await using (var database = DatasetRows.Context(source))
            await database.GetService<IMigrator>().MigrateAsync(BeforeHonestData, cancellation);
        await using (var old = source.CreateCommand(Old))
            await old.ExecuteNonQueryAsync(cancellation);

        await MelanomaDatabase.MigrateAsync(owner, cancellation);

        await using var numbers = source.CreateCommand(
            "SELECT string_agg(number || ' ' || deliveries.name, ', ' ORDER BY images.received_at) FROM images JOIN deliveries ON deliveries.id = delivery_id");
        Assert.Equal("1 old, 2 old, 3 old", await numbers.ExecuteScalarAsync(cancellation));
        await using var next = source.CreateCommand("""
            INSERT INTO images (id, sha256, group_id, delivery_id, media_type, width, height, size_bytes, received_at, label_state)
            SELECT gen_random_uuid(), sha256('new'), group_id, delivery_id, media_type, 1, 1, 1, now(), 'unlabelled' FROM images LIMIT 1 RETURNING number
            """);
        Assert.Equal(4L, await next.ExecuteScalarAsync(cancellation));
    }
}
