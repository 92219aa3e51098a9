using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Imaging.NearDuplicates;

/// <summary>Drawn lesions and what people make of pictures.</summary>
internal static class Copies
{
    private const int Diagnoses = 9;

    public static RgbImage Lesion(int seed, int view = 0)
    {
        // A 4:3 frame cut out of a drawn square.
        var drawn = SyntheticLesions.Draw(seed % Diagnoses, seed, 240, view);
        return Cut(drawn, 0, 30, 0, 30);
    }

    public static PictureSignature SignatureOf(RgbImage image)
    {
        var square = new byte[PictureSignature.SourceSide * PictureSignature.SourceSide * 3];
        AreaFilter.ToSquare(image, PictureSignature.SourceSide, square);
        return PictureSignature.Compute(new(PictureSignature.SourceSide, PictureSignature.SourceSide, square), image.Width, image.Height);
    }

    public static RgbImage Compressed(RgbImage image, int quality) => ImageDecoderTests.Decode(ImageEncoder.EncodeJpeg(image, quality));

    /// <summary>Cuts so many pixels off each side.</summary>
    public static RgbImage Cut(RgbImage image, int left, int top, int right, int bottom)
    {
        var cut = new RgbImage(image.Width - left - right, image.Height - top - bottom);
        for (var y = 0; y < cut.Height; y++)
            image.Row(y + top).Slice(3 * left, 3 * cut.Width).CopyTo(cut.Row(y));
        return cut;
    }

    public static RgbImage Mirrored(RgbImage image)
    {
        var result = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
                image.Row(y).Slice(3 * (image.Width - 1 - x), 3).CopyTo(result.Row(y)[(3 * x)..]);
        }

        return result;
    }

    /// <summary>Turns clockwise.</summary>
    public static RgbImage Turned(RgbImage image, int quarters)
    {
        for (; quarters > 0; quarters--)
        {
            var result = new RgbImage(image.Height, image.Width);
            for (var y = 0; y < result.Height; y++)
            {
                for (var x = 0; x < result.Width; x++)
                    image.Row(image.Height - 1 - x).Slice(3 * y, 3).CopyTo(result.Row(y)[(3 * x)..]);
            }

            image = result;
        }

        return image;
    }
}
