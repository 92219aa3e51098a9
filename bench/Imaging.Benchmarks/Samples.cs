using Melanoma.Samples;

namespace Melanoma.Imaging.Benchmarks;

internal static class Samples
{
    /// <summary>A few different lesions, drawn at the shorter side at most 600 and brought to the size, as JPEG of quality 90.</summary>
    public static byte[][] Jpegs(int width, int height)
    {
        var drawn = Math.Min(600, Math.Max(width, height));
        return [.. Enumerable.Range(0, 4).Select(i => Grainy(SyntheticLesions.Draw(i * 2, i, drawn), width, height, i))];
    }

    // Grain, because a smooth picture decodes faster than any camera's.
    private static byte[] Grainy(RgbImage drawn, int width, int height, int seed)
    {
        var image = AreaFilter.Resize(drawn, width, height);
        var random = new Random(seed);
        foreach (ref var value in image.Pixels)
            value = (byte)Math.Clamp(value + random.Next(-4, 5), 0, 255);
        return ImageEncoder.EncodeJpeg(image, 89);
    }
}
