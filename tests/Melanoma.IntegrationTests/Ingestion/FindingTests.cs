using System.Globalization;
using System.Text;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Samples;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>What the service finds by itself: near-duplicates, doubts about quality, shortcuts, and what changes for the next dataset.</summary>
public sealed class FindingTests(TestServers servers)
{
    private const int Side = 256;

    [Fact]
    public async Task Should_keep_one_picture_in_one_split_when_its_copies_come_mirrored_turned_and_cropped()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var picture = SyntheticLesions.Draw((int)Diagnosis.Nevus, 1, Side);
        var first = await host.DeliverAsync("first", [("Train/nevus/a.jpg", ImageEncoder.EncodeJpeg(picture, 92)), ("Train/melanoma/other.jpg", Jpeg(Diagnosis.Melanoma, 2))], cancellation);

        var second = await host.DeliverAsync("second",
        [
            ("Train/nevus/mirrored.jpg", ImageEncoder.EncodeJpeg(PictureCopies.Mirrored(picture), 60)),
            ("Train/nevus/turned.jpg", ImageEncoder.EncodeJpeg(PictureCopies.Turned(picture, 1), 85)),
            ("Test/nevus/cropped.jpg", ImageEncoder.EncodeJpeg(PictureCopies.Cut(picture, 13, 13, 13, 13), 85)),
            ("Train/nevus/small.png", ImageEncoder.EncodePng(AreaFilter.Resize(picture, 200, 150))),
        ], cancellation);

        Assert.Equal((0, 4), (first.NearDuplicates, second.Stored));
        Assert.Equal(4, second.NearDuplicates);
        var files = await host.FilesAsync(second.DeliveryId, cancellation);
        Assert.All(files.Values, file => Assert.StartsWith("Near-duplicate of ", file.Reason, StringComparison.Ordinal));
        Assert.Contains("mirrored", files["Train/nevus/mirrored.jpg"].Reason, StringComparison.Ordinal);
        Assert.Contains("turned by", files["Train/nevus/turned.jpg"].Reason, StringComparison.Ordinal);
        Assert.Contains("cropped", files["Test/nevus/cropped.jpg"].Reason, StringComparison.Ordinal);
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(DISTINCT group_id) FROM images", cancellation));
        Assert.Equal(5, await host.QueryAsync<long>("SELECT count(*) FROM images JOIN lesion_groups ON lesion_groups.id = group_id WHERE delivered_as_test", cancellation));
        Assert.Contains(second.Findings, finding => finding.StartsWith(
            "Of the 1 distinct images delivered in a Test folder, 0 are byte copies of images delivered in a Train folder, 1 others share a lesion with one, and 0 are clean", StringComparison.Ordinal));
        var details = await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = files["Train/nevus/mirrored.jpg"].ImageId }, cancellationToken: cancellation);
        Assert.Equal(4, details.GroupImages.Count);
        Assert.Contains(details.NearDuplicates, near => near.ImageId == files["Train/nevus/mirrored.jpg"].NearDuplicateOf);
    }

    [Fact]
    public async Task Should_find_a_copy_when_another_process_stored_the_picture()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var picture = SyntheticLesions.Draw((int)Diagnosis.Nevus, 1, Side);
        await host.DeliverAsync("before", [("Train/nevus/a.jpg", ImageEncoder.EncodeJpeg(picture, 92))], cancellation);

        // The index lies in memory: another process has to make its own from the database.
        await host.KillAndRestartAsync(cancellation);
        var after = await host.DeliverAsync("after", [("Train/nevus/b.jpg", ImageEncoder.EncodeJpeg(picture, 60))], cancellation);

        Assert.Equal((1, 1), (after.Stored, after.NearDuplicates));
    }

    [Fact]
    public async Task Should_doubt_a_picture_and_give_the_reason_when_it_is_blurred_or_dark()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var picture = SyntheticLesions.Draw((int)Diagnosis.Nevus, 1, Side);
        var blurred = AreaFilter.Resize(AreaFilter.Resize(picture, 12, 12), Side, Side);

        var delivery = await host.DeliverAsync("doubtful", [("blurred.png", ImageEncoder.EncodePng(blurred)), ("dark.png", ImageEncoder.EncodePng(Shade(picture, 0.15)))], cancellation);

        Assert.Equal(2, delivery.Stored);
        Assert.Contains(delivery.Quality, count => count is { Flag: "blurred", Count: >= 1 });
        Assert.Contains(delivery.Quality, count => count is { Flag: "under-exposed", Count: 1 });
        var dark = Assert.Single((await host.Catalog.ListImagesAsync(new ListImagesRequest { QualityFlag = "under-exposed" }, cancellationToken: cancellation)).Images);
        var details = await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = dark.ImageId }, cancellationToken: cancellation);
        Assert.Contains(details.QualityReasons, reason => reason.StartsWith("Under-exposed", StringComparison.Ordinal));
        Assert.Equal(2, (await host.Catalog.ListImagesAsync(new ListImagesRequest { QualityFlag = "any" }, cancellationToken: cancellation)).Images.Count);
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await host.Catalog.ListImagesAsync(new ListImagesRequest { QualityFlag = "ugly" }, cancellationToken: cancellation));
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
    }

    [Fact]
    public async Task Should_warn_of_the_source_and_propose_a_run_when_every_class_has_its_own_collection()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Training__RetrainAfterImages", "100"));
        var pictures = Enumerable.Range(0, 120).Select(i => ($"{Diagnoses.Names[3 + (i % 2)]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(3 + (i % 2) + (9 * i)))).ToList();
        var table = new StringBuilder("isic_id,diagnosis,source\n");
        for (var i = 0; i < 120; i++)
            table.Append(CultureInfo.InvariantCulture, $"ISIC_{i:0000000},{Diagnoses.Names[3 + (i % 2)]},collection {i % 2}\n");

        var delivery = await host.DeliverAsync("two collections", [.. pictures, ("labels.csv", Encoding.UTF8.GetBytes(table.ToString()))], cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var nothing = await host.DeliverAsync("again", pictures, cancellation);

        Assert.Equal((120, true), (delivery.DatasetChange.Added, delivery.DatasetChange.RunProposed));
        Assert.Equal((0, false), (nothing.DatasetChange.Added, nothing.DatasetChange.RunProposed));
        Assert.Equal(dataset.DatasetId, nothing.DatasetChange.ComparedWith);
        var source = Assert.Single(dataset.Shortcuts.Properties, property => property.Property == "source");
        Assert.True(source.CramersV > 0.9, $"{source.CramersV}");
        Assert.Contains(dataset.Warnings, warning => warning.Contains("can be told by source", StringComparison.Ordinal));
    }

    private static byte[] Jpeg(Diagnosis diagnosis, int seed) => SyntheticLesions.DrawJpeg((int)diagnosis, seed, Side);

    private static RgbImage Shade(RgbImage picture, double factor)
    {
        var result = new RgbImage(picture.Width, picture.Height);
        for (var i = 0; i < result.Pixels.Length; i++)
            result.Pixels[i] = (byte)(picture.Pixels[i] * factor);
        return result;
    }
}
