using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>Makes copies of a picture as people do.</summary>
internal static class Planting
{
    private const int Quality = 90;

    public static readonly (string Kind, bool IsTarget, Func<RgbImage, byte[]> Make)[] Kinds =
    [
        ("re-scaled to 80 % and back", true, image => Jpeg(AreaFilter.Resize(AreaFilter.Resize(image, image.Width * 8 / 10, image.Height * 8 / 10), image.Width, image.Height))),
        ("JPEG quality 60", true, image => ImageEncoder.EncodeJpeg(image, 60)),
        ("mirrored", true, image => Jpeg(Mirror(image))),
        ("turned by 90 degrees", true, image => Jpeg(Turn(image))),
        ("cropped by 5 % a side", true, image => Jpeg(Cut(image, 0.05, 0.05, 0.05, 0.05))),
        ("cropped by 2 % a side", false, image => Jpeg(Cut(image, 0.02, 0.02, 0.02, 0.02))),
        ("cropped by 6 % a side", false, image => Jpeg(Cut(image, 0.06, 0.06, 0.06, 0.06))),
        ("cropped by 12 % a side", false, image => Jpeg(Cut(image, 0.12, 0.12, 0.12, 0.12))),
        ("centre square", false, image => Jpeg(Cut(image, 0.125, 0, 0.125, 0))),
        ("centre square, squashed whole frame as the other", false, image => Jpeg(AreaFilter.Resize(image, image.Height, image.Height))),
        ("cropped by 5 % a side, mirrored, turned, quality 60", false, image => ImageEncoder.EncodeJpeg(Turn(Mirror(Cut(image, 0.05, 0.05, 0.05, 0.05))), 60)),
        ("5 % cut off the left", false, image => Jpeg(Cut(image, 0.05, 0, 0, 0))),
        ("5 % cut off the left and top", false, image => Jpeg(Cut(image, 0.05, 0.05, 0, 0))),
        ("12 % cut off the left", false, image => Jpeg(Cut(image, 0.12, 0, 0, 0))),
        ("12 % cut off the left and top", false, image => Jpeg(Cut(image, 0.12, 0.12, 0, 0))),
        ("lighter by a tenth", false, image => Jpeg(Lighter(image))),
    ];

    public static PictureSignature SignatureOf(byte[] file) => Collection.SignatureOf(file);

    private static byte[] Jpeg(RgbImage image) => ImageEncoder.EncodeJpeg(image, Quality);

    private static RgbImage Cut(RgbImage image, double left, double top, double right, double bottom)
    {
        int x0 = (int)Math.Round(left * image.Width), y0 = (int)Math.Round(top * image.Height);
        var cut = new RgbImage(image.Width - x0 - (int)Math.Round(right * image.Width), image.Height - y0 - (int)Math.Round(bottom * image.Height));
        for (var y = 0; y < cut.Height; y++)
            image.Row(y + y0).Slice(3 * x0, 3 * cut.Width).CopyTo(cut.Row(y));
        return cut;
    }

    private static RgbImage Mirror(RgbImage image)
    {
        var mirrored = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
                image.Row(y).Slice(3 * (image.Width - 1 - x), 3).CopyTo(mirrored.Row(y)[(3 * x)..]);
        }

        return mirrored;
    }

    private static RgbImage Turn(RgbImage image)
    {
        var turned = new RgbImage(image.Height, image.Width);
        for (var y = 0; y < turned.Height; y++)
        {
            for (var x = 0; x < turned.Width; x++)
                image.Row(image.Height - 1 - x).Slice(3 * y, 3).CopyTo(turned.Row(y)[(3 * x)..]);
        }

        return turned;
    }

    private static RgbImage Lighter(RgbImage image)
    {
        var lighter = new RgbImage(image.Width, image.Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            lighter.Pixels[i] = (byte)Math.Min(255, image.Pixels[i] * 1.1);
        return lighter;
    }
}
