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
        var corners = Mean(luma, 0, 0, Deep, Deep) + Mean(luma, Side - Deep, 0, Deep, Deep)
            + Mean(luma, 0, Side - Deep, Deep, Deep) + Mean(luma, Side - Deep, Side - Deep, Deep, Deep);
        var sides = Mean(luma, From, 0, Side / 4, Deep) + Mean(luma, From, Side - Deep, Side / 4, Deep)
            + Mean(luma, 0, From, Deep, Side / 4) + Mean(luma, Side - Deep, From, Deep, Side / 4);
        var rim = Dark(luma, From, 0, Side / 4, Rim) + Dark(luma, From, Side - Rim, Side / 4, Rim)
            + Dark(luma, 0, From, Rim, Side / 4) + Dark(luma, Side - Rim, From, Rim, Side / 4);
        return new(sides < 4 * PictureScan.DarkBelow ? 1 : corners / sides, OutsideEllipse(luma), rim / (double)(Side * Rim));
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

    private static double Mean(ReadOnlySpan<short> luma, int left, int top, int width, int height)
    {
        var sum = 0;
        for (var y = top; y < top + height; y++)
        {
            foreach (var level in luma.Slice((y * Side) + left, width))
                sum += level;
        }

        return sum / (double)(width * height);
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
