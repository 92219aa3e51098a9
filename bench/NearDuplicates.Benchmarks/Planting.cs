using Melanoma.Imaging.NearDuplicates;
using Melanoma.Testing;
using static Melanoma.Testing.PictureCopies;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>Makes copies of a picture as people do: the kinds that must be found, and more.</summary>
internal static class Planting
{
    public static readonly (string Kind, bool IsTarget, Func<RgbImage, byte[]> Make)[] Kinds =
    [
        .. PictureCopies.Kinds.Select(kind => (kind.Kind, true, kind.Make)),
        ("cropped by 2 % a side", false, image => Jpeg(CutShares(image, 0.02, 0.02, 0.02, 0.02))),
        ("cropped by 6 % a side", false, image => Jpeg(CutShares(image, 0.06, 0.06, 0.06, 0.06))),
        ("cropped by 12 % a side", false, image => Jpeg(CutShares(image, 0.12, 0.12, 0.12, 0.12))),
        ("centre square", false, image => Jpeg(CutShares(image, 0.125, 0, 0.125, 0))),
        ("centre square, squashed whole frame as the other", false, image => Jpeg(AreaFilter.Resize(image, image.Height, image.Height))),
        ("cropped by 5 % a side, mirrored, turned, quality 60", false, image => ImageEncoder.EncodeJpeg(Turned(Mirrored(CutShares(image, 0.05, 0.05, 0.05, 0.05)), 1), 60)),
        ("5 % cut off the left", false, image => Jpeg(CutShares(image, 0.05, 0, 0, 0))),
        ("5 % cut off the left and top", false, image => Jpeg(CutShares(image, 0.05, 0.05, 0, 0))),
        ("12 % cut off the left", false, image => Jpeg(CutShares(image, 0.12, 0, 0, 0))),
        ("12 % cut off the left and top", false, image => Jpeg(CutShares(image, 0.12, 0.12, 0, 0))),
        ("lighter by a tenth", false, image => Jpeg(Lighter(image))),
    ];

    public static PictureSignature SignatureOf(byte[] file) => Collection.SignatureOf(file);

    private static RgbImage Lighter(RgbImage image)
    {
        var lighter = new RgbImage(image.Width, image.Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            lighter.Pixels[i] = (byte)Math.Min(255, image.Pixels[i] * 1.1);
        return lighter;
    }
}
