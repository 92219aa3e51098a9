using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Samples;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Imaging.NearDuplicates;

/// <summary>Drawn lesions, and pictures as the library looks at them.</summary>
internal static class Copies
{
    private const int Diagnoses = 9;

    public static RgbImage Lesion(int seed, int view = 0)
    {
        // A 4:3 frame cut out of a drawn square.
        var drawn = SyntheticLesions.Draw(seed % Diagnoses, seed, 240, view);
        return PictureCopies.Cut(drawn, 0, 30, 0, 30);
    }

    public static PictureSignature SignatureOf(RgbImage image)
    {
        var square = new byte[PictureSignature.SourceSide * PictureSignature.SourceSide * 3];
        AreaFilter.ToSquare(image, PictureSignature.SourceSide, square);
        return PictureSignature.Compute(new(PictureSignature.SourceSide, PictureSignature.SourceSide, square), image.Width, image.Height);
    }

    public static RgbImage Compressed(RgbImage image, int quality) => ImageDecoderTests.Decode(ImageEncoder.EncodeJpeg(image, quality));
}
