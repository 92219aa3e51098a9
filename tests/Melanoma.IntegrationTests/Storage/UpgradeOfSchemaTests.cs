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
