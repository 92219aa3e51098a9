using Melanoma.Imaging;

namespace Melanoma.Testing;

/// <summary>What people make of pictures: the same photograph with other bytes.</summary>
public static class PictureCopies
{
    private const int Quality = 90;
    private const double Crop = 0.05;

    /// <summary>The kinds of copies that must be found, each with how a JPEG of it is made.</summary>
    public static IReadOnlyList<(string Kind, Func<RgbImage, byte[]> Make)> Kinds { get; } =
    [
        ("re-scaled to 80 % and back", image => Jpeg(AreaFilter.Resize(AreaFilter.Resize(image, image.Width * 8 / 10, image.Height * 8 / 10), image.Width, image.Height))),
        ("JPEG quality 60", image => ImageEncoder.EncodeJpeg(image, 60)),
        ("mirrored", image => Jpeg(Mirrored(image))),
        ("turned by 90 degrees", image => Jpeg(Turned(image, 1))),
        ("cropped by 5 % a side", image => Jpeg(CutShares(image, Crop, Crop, Crop, Crop))),
    ];

    /// <summary>A JPEG of quality 90.</summary>
    public static byte[] Jpeg(RgbImage image) => ImageEncoder.EncodeJpeg(image, Quality);

    /// <summary>Cuts so many pixels off each side.</summary>
    public static RgbImage Cut(RgbImage image, int left, int top, int right, int bottom)
    {
        ArgumentNullException.ThrowIfNull(image);
        var cut = new RgbImage(image.Width - left - right, image.Height - top - bottom);
        for (var y = 0; y < cut.Height; y++)
            image.Row(y + top).Slice(3 * left, 3 * cut.Width).CopyTo(cut.Row(y));
        return cut;
    }

    /// <summary>Cuts these shares of the width and height off each side.</summary>
    public static RgbImage CutShares(RgbImage image, double left, double top, double right, double bottom)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Cut(image, Of(left, image.Width), Of(top, image.Height), Of(right, image.Width), Of(bottom, image.Height));

        static int Of(double share, int length) => (int)Math.Round(share * length);
    }

    /// <summary>Exchanges left and right.</summary>
    public static RgbImage Mirrored(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var mirrored = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
                image.Row(y).Slice(3 * (image.Width - 1 - x), 3).CopyTo(mirrored.Row(y)[(3 * x)..]);
        }

        return mirrored;
    }

    /// <summary>Turns clockwise, by so many right angles.</summary>
    public static RgbImage Turned(RgbImage image, int quarters)
    {
        ArgumentNullException.ThrowIfNull(image);
        for (; quarters > 0; quarters--)
        {
            var turned = new RgbImage(image.Height, image.Width);
            for (var y = 0; y < turned.Height; y++)
            {
                for (var x = 0; x < turned.Width; x++)
                    image.Row(image.Height - 1 - x).Slice(3 * y, 3).CopyTo(turned.Row(y)[(3 * x)..]);
            }

            image = turned;
        }

        return image;
    }
}
