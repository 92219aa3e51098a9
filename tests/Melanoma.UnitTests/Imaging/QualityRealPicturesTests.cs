using System.IO.Compression;
using Melanoma.Imaging;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Imaging;

/// <summary>The limits on real dermoscopy, of the half (by lesion) that they were not chosen on.</summary>
public sealed class QualityRealPicturesTests
{
    private const int Side = PictureMeasures.Side;

    [Theory]
    [InlineData("isic9.zip", 1, 0.02)]
    [InlineData("ham10000-200x150.zip", 4, 0.01)]
    [InlineData("ham10000-224.zip", 3, 0.01)]
    public void Should_flag_few_when_pictures_are_real_and_nearly_all_when_they_are_spoilt(string archive, int every, double atMost)
    {
        var images = HeldOut(archive, every).ToList();

        var (flagged, blurred) = (Share(images, image => image), Share(images, Blur));
        var (dark, bright) = (Share(images, image => Scale(image, 0.4)), Share(images, image => Scale(image, 2)));

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{archive}: {images.Count} pictures; flagged {flagged:P2}, blurred {blurred:P2}, dark {dark:P2}, bright {bright:P2}");
        Assert.InRange(flagged, 0, atMost);
        Assert.InRange(blurred, 0.9, 1);
        Assert.InRange(dark, 0.97, 1);
        Assert.InRange(bright, 0.95, 1);
    }

    private static double Share(List<(RgbImage Square, ImageHeader Header, byte[] File)> images, Func<RgbImage, RgbImage> change) =>
        images.Count(image => PictureMeasures.Of(change(image.Square), image.Header, image.File).Quality.Flags != QualityFlags.None) / (double)images.Count;

    private static IEnumerable<(RgbImage Square, ImageHeader Header, byte[] File)> HeldOut(string archive, int every)
    {
        // The tuning half are the groups whose number is odd.
        var held = File.ReadLines(SharedData.Require("folds.csv")).Skip(1).Select(line => line.Split(','))
            .Where(row => Convert.ToInt32(row[1][^1..], 16) % 2 == 0).Select(row => row[0]).ToHashSet(StringComparer.Ordinal);
        using var pictures = ZipFile.OpenRead(SharedData.Require(archive));
        var chosen = pictures.Entries
            .Where(entry => entry.Name.EndsWith(".jpg", StringComparison.Ordinal) && held.Contains(entry.Name[..12]))
            .Where((_, i) => i % every == 0);
        foreach (var entry in chosen)
        {
            using var content = new MemoryStream();
            using (var stream = entry.Open())
                stream.CopyTo(content);
            var file = content.ToArray();
            var square = new RgbImage(Side, Side);
            Assert.True(ImageInspector.TryInspect(file, ImageLimits.Default, out var header, out _));
            Assert.True(ImageDecoder.TryDecodeToSketch(file, Side, square.Pixels, ImageLimits.Default, out _));
            yield return (square, header, file);
        }
    }

    private static RgbImage Blur(RgbImage image) => AreaFilter.Resize(AreaFilter.Resize(image, 48, 48), Side, Side);

    private static RgbImage Scale(RgbImage image, double factor)
    {
        var result = new RgbImage(Side, Side);
        for (var i = 0; i < image.Pixels.Length; i++)
            result.Pixels[i] = (byte)Math.Min(255, factor * image.Pixels[i]);
        return result;
    }
}
