using System.Globalization;
using Melanoma.Contracts.Recipes;
using Melanoma.Imaging;

namespace Melanoma.Augmentation.Policies;

/// <summary>
/// The original notebook's policy: with probability 0.7 a turn by at most 10 degrees either way, as the Augmentor library
/// (mdbloice/Augmentor, <c>Operations.RotateRange</c>) makes it: the side is drawn first, then a whole number of degrees
/// from 0 to 10; a rectangle is cut out of the turned picture and brought back to the size.
/// </summary>
/// <remarks>
/// Three things differ from the library on purpose. It rounds its draw to one decimal before it compares, so that "0.7"
/// turns 75 % of its samples; here it is 70 %. It interpolates twice and bicubically, and leaves black corners at small
/// angles; here once, bilinearly, in exact arithmetic, with the nearest pixel in the corners. And it saves JPEG of quality
/// 75: then "has been compressed twice" would mean "belongs to a class with few originals", which a network learns sooner
/// than lesions. So a turned picture is PNG, without loss (42 KB on average at 180 x 180, where JPEG of quality 95 has 12), and an
/// unturned one is its parent's bytes untouched.
/// </remarks>
internal static class AugmentorPolicy
{
    public const string Name = AugmentationPlan.AugmentorPolicy;

    /// <summary>
    /// Longer sides are brought to this many pixels before the turn. No network takes more, and a turned telephone picture would be 100 MB of PNG.
    /// </summary>
    public const int MaxSide = 1024;

    private const int TurnedThousandths = 700;
    private const int MaxDegrees = 10;

    /// <summary>Draws what is to be done: degrees counter-clockwise, -10 to 10; 0 for nothing.</summary>
    public static int DrawDegrees(ref VariantRandom random)
    {
        if (!random.Chance(TurnedThousandths))
        {
            return 0;
        }

        var side = random.Below(2) == 0 ? -1 : 1;
        return side * random.Below(MaxDegrees + 1);
    }

    /// <summary>The parameters of a variant as JSON.</summary>
    public static string Describe(int degrees) => string.Create(CultureInfo.InvariantCulture, $$"""{"rotationDegrees":{{degrees}}}""");

    /// <summary>A parent as the turns want it.</summary>
    /// <param name="bytes">The parent's encoded bytes.</param>
    /// <exception cref="UnusableParentException">The bytes cannot be decoded.</exception>
    public static RgbImage Decode(byte[] bytes)
    {
        if (!ImageDecoder.TryDecode(bytes, ImageLimits.Default, out var image, out var refusal))
        {
            throw new UnusableParentException($"A parent cannot be decoded: {refusal.Message}");
        }

        var longest = Math.Max(image.Width, image.Height);
        return longest <= MaxSide
            ? image
            : AreaFilter.Resize(image, Scaled(image.Width, longest), Scaled(image.Height, longest));
    }

    /// <summary>Turns a parent and encodes the result.</summary>
    /// <param name="parent">The decoded parent.</param>
    /// <param name="degrees">Counter-clockwise; not 0.</param>
    public static byte[] Turn(RgbImage parent, int degrees)
    {
        var (width, height) = CutSize(parent.Width, parent.Height, degrees);
        var turned = ImageRotation.Rotate(parent, degrees, EdgeFill.Nearest, (double)parent.Width / width, (double)parent.Height / height);
        return ImageEncoder.EncodePng(turned);
    }

    /// <summary>
    /// Size in pixels of the rectangle that the library cuts out of a turned picture. Its manual promises the largest of the
    /// picture's shape; its formula, followed here, gives a smaller one (150 x 146 of 180 x 180 at 10 degrees, not 155 x 155).
    /// Of a long strip it would leave nothing; here a quarter of a side is always left.
    /// </summary>
    public static (int Width, int Height) CutSize(int width, int height, int degrees)
    {
        var (sin, cos) = Math.SinCos(Math.Abs(degrees) * Math.PI / 180);
        var tan = sin / cos;
        var canvasWidth = Canvas(width, (width * cos) + (height * sin));
        var canvasHeight = Canvas(height, (width * sin) + (height * cos));
        var left = (tan * (canvasHeight - (canvasWidth * tan))) - (tan * tan);
        var top = tan * (canvasWidth - left);
        return (
            Math.Clamp((int)Math.Round(canvasWidth - left) - (int)Math.Round(left), Least(width), width),
            Math.Clamp((int)Math.Round(canvasHeight - top) - (int)Math.Round(top), Least(height), height));
    }

    private static int Least(int side) => (side + 3) / 4;

    // Pillow's canvas for a turned picture: whole pixels on either side of the centre.
    private static double Canvas(int side, double extent) => Math.Ceiling((side + extent) / 2) - Math.Floor((side - extent) / 2);

    private static int Scaled(int side, int longest) => Math.Max(1, (int)((((long)side * MaxSide) + (longest / 2)) / longest));
}

/// <summary>A parent's bytes are missing or cannot be decoded: trying again at once would not help.</summary>
internal sealed class UnusableParentException(string message) : Exception(message);
