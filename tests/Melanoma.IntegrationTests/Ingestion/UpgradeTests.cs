using Melanoma.Imaging;
using Melanoma.Samples;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class UpgradeTests(TestServers servers)
{
    private const string Unmeasured = "SELECT count(*) FROM images WHERE measures_quality_flags IS NULL";

    // As the version before left a catalogue: nothing measured, no near-duplicates known, every image labelled by its own claims, no items by lesion.
    private const string Downgrade = """
        DELETE FROM near_duplicates;
        DELETE FROM image_signatures;
        DELETE FROM review_items;
        UPDATE images SET measures_quality_flags = NULL, measures_sharpness = NULL, measures_highlights = NULL, measures_burnt_share = NULL,
            measures_blank_share = NULL, measures_likeness = NULL, measures_jpeg_quality = NULL, measures_jpeg_tables = NULL, measures_subsampling = NULL,
            measures_corner_brightness = NULL, measures_dark_corners = NULL, measures_dark_sides = NULL, label_state = 'settled',
            label = (SELECT bit_and(diagnoses) FROM label_claims WHERE image_id = images.id);
        WITH own AS (INSERT INTO lesion_groups (id, delivered_as_test) VALUES (gen_random_uuid(), false) RETURNING id)
        UPDATE images SET group_id = own.id FROM own
        WHERE images.id = (SELECT image_id FROM delivery_files WHERE path = 'Train/melanoma/mirrored.png');
        UPDATE image_contents SET bytes = '\x00' WHERE image_id = (SELECT image_id FROM delivery_files WHERE path = 'Train/nevus/broken.jpg');
        """;

    private static readonly (string Path, byte[] Bytes)[] Pictures =
    [
        ("Train/nevus/broken.jpg", SyntheticLesions.DrawJpeg(4, 3)),
        ("Train/nevus/picture.png", SyntheticLesions.DrawPng(4, 1)),
        ("Train/melanoma/mirrored.png", Mirrored(SyntheticLesions.Draw(4, 1))),
        ("Train/nevus/ISIC_0000001.jpg", SyntheticLesions.DrawJpeg(0, 2)),
        ("Train/melanoma/ISIC_0000001_1.jpg", SyntheticLesions.DrawJpeg(2, 5)),
        ("Train/vascular lesion/undisputed.jpg", SyntheticLesions.DrawJpeg(8, 7)),
    ];

    [Fact]
    public async Task Should_measure_compare_and_resolve_by_lesion_when_an_earlier_version_stored_the_images()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        Assert.Equal(6, (await host.DeliverAsync("before the upgrade", Pictures, cancellation)).Stored);
        await host.ExecuteAsync(Downgrade, cancellation);
        Assert.Equal(6, await host.QueryAsync<long>(Unmeasured, cancellation));

        await host.KillAndRestartAsync(cancellation);
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>(Unmeasured, cancellation) == 1, cancellation);

        await AssertUpgradedAsync(host, cancellation);
        await IngestionHost.WaitAsync(() => Task.FromResult(host.Log.Contains("cannot be decoded any more", StringComparison.Ordinal)), cancellation);

        // The broken one is tried again after another start, and again does not stop the service.
        await host.KillAndRestartAsync(cancellation);
        await IngestionHost.WaitAsync(() => Task.FromResult(host.Log.Contains("cannot be decoded any more", StringComparison.Ordinal)), cancellation);
        Assert.Equal(1, (await host.DeliverAsync("after the upgrade", [("another.jpg", SyntheticLesions.DrawJpeg(6, 11))], cancellation)).Stored);
        await AssertUpgradedAsync(host, cancellation);
    }

    private static async Task AssertUpgradedAsync(IngestionHost host, CancellationToken cancellation)
    {
        Assert.Equal(5, await host.QueryAsync<long>("SELECT count(*) FROM image_signatures JOIN delivery_files USING (image_id) WHERE path <> 'another.jpg'", cancellation));
        Assert.Equal("Train/melanoma/mirrored.png of Train/nevus/picture.png", await host.QueryAsync<string>("""
            SELECT string_agg(later.path || ' of ' || earlier.path, ', ') FROM near_duplicates
            JOIN delivery_files AS later ON later.image_id = near_duplicates.image_id JOIN delivery_files AS earlier ON earlier.image_id = duplicate_of_id
            """, cancellation));
        Assert.Equal("Train/melanoma/ISIC_0000001_1.jpg, Train/melanoma/mirrored.png, Train/nevus/ISIC_0000001.jpg, Train/nevus/picture.png", await host.QueryAsync<string>("""
            SELECT string_agg(path, ', ' ORDER BY path COLLATE "C") FROM delivery_files JOIN images ON images.id = image_id WHERE label_state = 'conflict' AND label IS NULL
            """, cancellation));
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM images WHERE label_state = 'settled' AND label IS NOT NULL", cancellation));
        Assert.Equal(2, await host.QueryAsync<long>("""
            SELECT count(DISTINCT images.group_id) FROM review_items JOIN images USING (group_id) WHERE kind = 'conflict' AND state = 'open' AND label_state = 'conflict'
            """, cancellation));
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM review_items", cancellation));
    }

    private static byte[] Mirrored(RgbImage image)
    {
        var mirrored = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
                image.Row(y).Slice(3 * x, 3).CopyTo(mirrored.Row(y)[(3 * (image.Width - 1 - x))..]);
        }

        return ImageEncoder.EncodePng(mirrored);
    }
}
