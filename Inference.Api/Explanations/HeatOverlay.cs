using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Inference.Models;

namespace Melanoma.Inference.Explanations;

/// <summary>A picture with the activation map of a diagnosis laid over it.</summary>
internal static class HeatOverlay
{
    /// <summary>Longer side of the overlay, in pixels.</summary>
    public const int LongerSide = 448;

    /// <summary>How much of the picture is covered where the map is strongest, 0 to 1.</summary>
    private const double Strength = 0.65;

    /// <summary>Purple to red to yellow: read as heat, told apart by lightness alone, and no colour of a lesion at its end.</summary>
    private static readonly (double R, double G, double B)[] Heat = [(90, 0, 110), (190, 0, 80), (245, 60, 20), (255, 150, 0), (255, 225, 0)];

    /// <summary>Draws it.</summary>
    /// <param name="image">The encoded picture, which was decoded before.</param>
    /// <param name="map">What the network saw in it.</param>
    /// <param name="diagnosis">Whose map is shown.</param>
    /// <returns>A PNG of the picture's shape. What speaks against the diagnosis is left as it is.</returns>
    public static byte[] Draw(ReadOnlySpan<byte> image, ActivationMap map, Diagnosis diagnosis)
    {
        var square = new RgbImage(LongerSide, LongerSide);
        if (!ImageInspector.TryInspect(image, ImageLimits.Default, out var header, out var refusal)
            || !ImageDecoder.TryDecodeToSquare(image, LongerSide, square.Pixels, ImageLimits.Default, out refusal))
        {
            throw new InvalidDataException(refusal.Message);
        }

        var scale = (double)LongerSide / Math.Max(header.UprightWidth, header.UprightHeight);
        var picture = AreaFilter.Resize(
            square, Math.Max(1, (int)Math.Round(header.UprightWidth * scale)), Math.Max(1, (int)Math.Round(header.UprightHeight * scale)));
        var values = map.Of(diagnosis);
        var strongest = 0f;
        foreach (var value in values)
        {
            strongest = Math.Max(strongest, value);
        }

        if (strongest > 0)
        {
            Lay(picture, values, map, strongest);
        }

        return ImageEncoder.EncodePng(picture);
    }

    private static void Lay(RgbImage picture, ReadOnlySpan<float> values, ActivationMap map, double strongest)
    {
        for (var y = 0; y < picture.Height; y++)
        {
            var row = picture.Row(y);
            for (var x = 0; x < picture.Width; x++)
            {
                var heat = Math.Max(0, At(values, map, (y + 0.5) / picture.Height, (x + 0.5) / picture.Width)) / strongest;
                var (red, green, blue) = Colour(heat);
                var cover = Strength * heat;
                row[3 * x] = Mixed(row[3 * x], red, cover);
                row[(3 * x) + 1] = Mixed(row[(3 * x) + 1], green, cover);
                row[(3 * x) + 2] = Mixed(row[(3 * x) + 2], blue, cover);
            }
        }
    }

    /// <summary>The map at a place, 0 to 1 downwards and to the right, between its cells by bilinear interpolation.</summary>
    private static double At(ReadOnlySpan<float> values, ActivationMap map, double down, double right)
    {
        var (y, x) = (Math.Clamp((down * map.Rows) - 0.5, 0, map.Rows - 1), Math.Clamp((right * map.Columns) - 0.5, 0, map.Columns - 1));
        var (top, left) = ((int)y, (int)x);
        var (bottom, next) = (Math.Min(top + 1, map.Rows - 1), Math.Min(left + 1, map.Columns - 1));
        var above = Between(values[(top * map.Columns) + left], values[(top * map.Columns) + next], x - left);
        var below = Between(values[(bottom * map.Columns) + left], values[(bottom * map.Columns) + next], x - left);
        return Between(above, below, y - top);
    }

    private static (double R, double G, double B) Colour(double heat)
    {
        var place = Math.Clamp(heat, 0, 1) * (Heat.Length - 1);
        var (low, high) = (Heat[(int)place], Heat[Math.Min((int)place + 1, Heat.Length - 1)]);
        var share = place - (int)place;
        return (Between(low.R, high.R, share), Between(low.G, high.G, share), Between(low.B, high.B, share));
    }

    private static double Between(double from, double to, double share) => from + ((to - from) * share);

    private static byte Mixed(byte below, double above, double cover) => (byte)Math.Clamp(Math.Round(Between(below, above, cover)), 0, 255);
}
