namespace Melanoma.Imaging;

/// <summary>What the border of a picture says of the optics. Brightness at 128 x 128 in, ratios and shares out.</summary>
internal readonly record struct PictureBorder(double CornerBrightness, double DarkCorners, double DarkSides)
{
    private const int Side = PictureScan.Side;
    private const int Deep = Side / 8;
    private const int Rim = Side / 32;
    private const int From = 3 * Side / 8;

    public static PictureBorder Of(ReadOnlySpan<short> luma)
    {
        var corners = new Histogram(stackalloc int[Histogram.Levels]);
        var sides = new Histogram(stackalloc int[Histogram.Levels]);
        foreach (var far in (ReadOnlySpan<int>)[0, Side - Deep])
        {
            corners.Add(luma, 0, far, Deep, Deep);
            corners.Add(luma, Side - Deep, far, Deep, Deep);
            sides.Add(luma, From, far, Side / 4, Deep);
            sides.Add(luma, far, From, Deep, Side / 4);
        }

        var bright = sides.NinthTenth;
        var rim = Dark(luma, From, 0, Side / 4, Rim) + Dark(luma, From, Side - Rim, Side / 4, Rim)
            + Dark(luma, 0, From, Rim, Side / 4) + Dark(luma, Side - Rim, From, Rim, Side / 4);
        return new(bright < PictureScan.DarkBelow ? 1 : corners.NinthTenth / (double)bright, OutsideEllipse(luma), rim / (double)(Side * Rim));
    }

    private static double OutsideEllipse(ReadOnlySpan<short> luma)
    {
        int dark = 0, all = 0;
        for (var y = 0; y < Side; y++)
        {
            var up = y + 0.5 - (Side / 2);
            var outside = (int)Math.Ceiling((Side / 2) - Math.Sqrt((Side * Side / 4) - (up * up)) - 0.5);
            dark += Dark(luma, 0, y, outside, 1) + Dark(luma, Side - outside, y, outside, 1);
            all += 2 * outside;
        }

        return dark / (double)all;
    }

    private static int Dark(ReadOnlySpan<short> luma, int left, int top, int width, int height)
    {
        var dark = 0;
        for (var y = top; y < top + height; y++)
        {
            foreach (var level in luma.Slice((y * Side) + left, width))
                dark += level < PictureScan.DarkBelow ? 1 : 0;
        }

        return dark;
    }
}
