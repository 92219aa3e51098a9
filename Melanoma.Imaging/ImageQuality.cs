namespace Melanoma.Imaging;

/// <summary>What can be said of a picture without knowing what it shows. Measured on brightness at 256 x 256, so that the figures do not depend on the size.</summary>
/// <param name="Sharpness">Variance of the Laplacian (4 neighbours) in squared grey levels; a blurred picture is near 0, a sharp one in the tens and above.</param>
/// <param name="Brightness">Mean brightness, 0 (black) to 1 (white).</param>
/// <param name="UnderexposedShare">Share of pixels with brightness below 16 of 255, 0 to 1.</param>
/// <param name="OverexposedShare">Share of pixels with brightness above 239 of 255, 0 to 1.</param>
/// <param name="BlankShare">Share of 16 x 16 blocks in which the brightness spans at most 2 grey levels, 0 to 1.</param>
public readonly record struct ImageQuality(double Sharpness, double Brightness, double UnderexposedShare, double OverexposedShare, double BlankShare)
{
    private const int Side = 256;
    private const int Block = 16;

    /// <summary>Measures a picture.</summary>
    /// <param name="image">The upright picture.</param>
    public static ImageQuality Measure(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var square = new byte[Side * Side * 3];
        AreaFilter.ToSquare(image, Side, square);
        var grey = new byte[Side * Side];
        long total = 0;
        int dark = 0, bright = 0;
        for (var i = 0; i < grey.Length; i++)
        {
            var level = Luma.Of(square.AsSpan(3 * i));
            grey[i] = (byte)level;
            total += level;
            dark += level < 16 ? 1 : 0;
            bright += level > 239 ? 1 : 0;
        }

        double pixels = grey.Length;
        return new(LaplacianVariance(grey), total / (255 * pixels), dark / pixels, bright / pixels, BlankBlocks(grey));
    }

    private static double LaplacianVariance(ReadOnlySpan<byte> grey)
    {
        long sum = 0, squares = 0;
        for (var y = 1; y < Side - 1; y++)
        {
            for (var at = (y * Side) + 1; at < ((y + 1) * Side) - 1; at++)
            {
                long value = grey[at - 1] + grey[at + 1] + grey[at - Side] + grey[at + Side] - (4 * grey[at]);
                sum += value;
                squares += value * value;
            }
        }

        const double Count = (Side - 2) * (Side - 2);
        var mean = sum / Count;
        return (squares / Count) - (mean * mean);
    }

    private static double BlankBlocks(ReadOnlySpan<byte> grey)
    {
        var blank = 0;
        for (var top = 0; top < Side; top += Block)
        {
            for (var left = 0; left < Side; left += Block)
            {
                int low = 255, high = 0;
                for (var y = top; y < top + Block; y++)
                {
                    foreach (var level in grey.Slice((y * Side) + left, Block))
                    {
                        low = Math.Min(low, level);
                        high = Math.Max(high, level);
                    }
                }

                blank += high - low <= 2 ? 1 : 0;
            }
        }

        return blank / (double)((Side / Block) * (Side / Block));
    }
}
