using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Samples;
using Melanoma.Testing;
using Melanoma.UnitTests.Imaging;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Files on which tools crash, or which they read as something that they are not.</summary>
public sealed class OddFileTests(TestServers servers)
{
    private const string Stored = "stored";

    private const int Wide = 200;
    private const int High = 150;

    private static readonly RgbImage Lesion = Cut(SyntheticLesions.Draw(3, 7, Wide), High);
    private static readonly byte[] Upright = ImageEncoder.EncodeJpeg(Lesion, 92);
    private static readonly byte[] Small = ImageEncoder.EncodeJpeg(Cut(SyntheticLesions.Draw(6, 12, 60), 40), 92);
    private static readonly RgbImage Picture = SyntheticLesions.Draw(4, 8, 40);

    private static readonly (string Path, byte[] Bytes, string Outcome)[] Files =
    [
        ("upright.jpg", Upright, Stored),
        ("small turned.jpg", TestPictures.WithOrientation(Small, 6), Stored),
        ("half.jpg", Upright[..(Upright.Length / 2)], "truncated"),
        ("header only.jpg", Upright[..300], "truncated"),
        ("empty.jpg", [], "empty"),
        ("text.jpg", "This is a note about the picture."u8.ToArray(), "not-an-image"),
        ("grey and alpha.png", TestPictures.Png(32, 32, 8, 4, Rows(64)), Stored),
        ("sixteen bits.tif", new HandMadeTiff { Width = 32, Height = 32, Bits = 16, Rows = Rows(32 * 6) }.Write(), Stored),
        ("four colours.jpg", HandMadeJpeg.Flat(32, 32, [10, 200, 90, 0], adobeTransform: 0), Stored),
        ("bitmap.bmp", TestPictures.Bmp(Picture), Stored),
        ("animation.gif", [.. "GIF89a"u8, 32, 0, 32, 0, 0, 0, 0, 0x3B], "unsupported-format"),
        ("two thousand.jp2", [0, 0, 0, 12, .. "jP  \r\n"u8, 0x87, 0x0A, .. new byte[40]], "unsupported-format"),
        ("new.avif", [0, 0, 0, 32, .. "ftypavif"u8, 0, 0, 0, 0, .. "avifmif1"u8, .. new byte[40]], "unsupported-format"),
        ("no extension", SyntheticLesions.DrawJpeg(1, 9, 48), Stored),
        ("a png.jpg", SyntheticLesions.DrawPng(2, 10, 48), Stored),
        ("scan.dcm", [.. new byte[128], .. "DICM"u8, .. new byte[100]], "unsupported-format"),
        ("spaces and ümläuts ☂.jpg", SyntheticLesions.DrawJpeg(5, 11, 48), Stored),
    ];

    [Fact]
    public async Task Should_read_or_refuse_with_a_reason_and_count_when_a_file_is_odd()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        var delivery = await host.DeliverAsync("odd", Files.Select(file => (file.Path, file.Bytes)), cancellation);

        var reports = await host.FilesAsync(delivery.DeliveryId, cancellation);
        var kinds = await host.KindsAsync(delivery.DeliveryId, cancellation);
        Assert.Equal(Files.Select(file => (file.Path, file.Outcome)), Files.Select(file => (file.Path, kinds.GetValueOrDefault(file.Path, Stored))));
        Assert.Equal((Files.Length, Files.Length), (delivery.Files, delivery.Stored + delivery.Refused));
        Assert.All(reports.Values, file => Assert.True(file.Outcome == FileOutcome.Stored || file.Reason.EndsWith('.'), $"{file.Path}: {file.Outcome} {file.Reason}"));

        // What Exif turns has bytes of its own and the size that it is seen with, and is recognised as the picture that was there, of the same lesion.
        // It comes in a delivery of its own, because the pictures of one come in no order.
        var later = await host.DeliverAsync("turned", [("turned.jpg", TestPictures.WithOrientation(Upright, 6))], cancellation);
        var turned = (await host.FilesAsync(later.DeliveryId, cancellation))["turned.jpg"];
        Assert.NotEqual(reports["upright.jpg"].ImageId, turned.ImageId);
        Assert.Equal((Wide, High), await SizeAsync(reports["upright.jpg"]));
        Assert.Equal((High, Wide), await SizeAsync(turned));
        Assert.Equal((40, 60), await SizeAsync(reports["small turned.jpg"]));
        Assert.Equal(reports["upright.jpg"].ImageId, turned.NearDuplicateOf);
        Assert.Equal(1, await host.QueryAsync<long>(
            $"SELECT count(DISTINCT group_id) FROM images WHERE id IN ('{reports["upright.jpg"].ImageId}', '{turned.ImageId}')", cancellation));
        Assert.DoesNotContain("fail: Melanoma", host.Log, StringComparison.Ordinal);

        async Task<(int Width, int Height)> SizeAsync(DeliveryFile file)
        {
            var image = (await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = file.ImageId }, cancellationToken: cancellation)).Image;
            return (image.Width, image.Height);
        }
    }

    /// <summary>The middle rows of a picture.</summary>
    private static RgbImage Cut(RgbImage picture, int height)
    {
        var bytesPerRow = picture.Width * 3;
        return new RgbImage(picture.Width, height, picture.Pixels.Slice((picture.Height - height) / 2 * bytesPerRow, height * bytesPerRow).ToArray());
    }

    private static byte[][] Rows(int bytes) => [.. Enumerable.Range(0, 32).Select(y => Enumerable.Range(0, bytes).Select(x => (byte)((x * 5) + (y * 3))).ToArray())];
}
