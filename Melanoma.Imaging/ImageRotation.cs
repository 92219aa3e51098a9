namespace Melanoma.Imaging;

/// <summary>What stands where a turned picture has no pixels.</summary>
public enum EdgeFill
{
    /// <summary>The picture is mirrored at its edge.</summary>
    Reflect,

    /// <summary>The nearest pixel of the edge is repeated.</summary>
    Nearest,
}

/// <summary>Turns pictures by any angle, bilinear, in fixed-point arithmetic: the same bytes on every machine.</summary>
public static class ImageRotation
{
    private const int AngleBits = 30;
    private const int PositionBits = AngleBits + 1;
    private const int ShareBits = 11;
    private const int One = 1 << ShareBits;

    /// <summary>Turns a picture about its centre; the size stays.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="degrees">Angle in degrees, -360 to 360, counter-clockwise as seen; 0 gives the same pixels.</param>
    /// <param name="fill">What stands in the corners.</param>
    /// <param name="zoom">Magnification about the centre, 0.1 to 10; with <see cref="ZoomWithoutCorners"/> no filled corner is seen.</param>
    public static RgbImage Rotate(RgbImage image, double degrees, EdgeFill fill = EdgeFill.Reflect, double zoom = 1) =>
        Rotate(image, degrees, fill, zoom, zoom);

    /// <summary>Turns a picture about its centre, then magnifies each axis by itself; the size stays.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="degrees">Angle in degrees, -360 to 360, counter-clockwise as seen; 0 gives the same pixels.</param>
    /// <param name="fill">What stands in the corners.</param>
    /// <param name="zoomX">Magnification about the centre of the turned picture's width, 0.1 to 10.</param>
    /// <param name="zoomY">Magnification about the centre of the turned picture's height, 0.1 to 10.</param>
    public static RgbImage Rotate(RgbImage image, double degrees, EdgeFill fill, double zoomX, double zoomY)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!(degrees is >= -360 and <= 360))
            throw new ArgumentOutOfRangeException(nameof(degrees), degrees, "The angle must be between -360 and 360 degrees.");
        CheckZoom(zoomX, nameof(zoomX));
        CheckZoom(zoomY, nameof(zoomY));

        int width = image.Width, height = image.Height;
        var (sin, cos) = ExactMath.SinCos(degrees);
        long acrossX = Fixed(cos / zoomX), alongX = Fixed(sin / zoomX);
        long acrossY = Fixed(cos / zoomY), alongY = Fixed(sin / zoomY);
        var result = new RgbImage(width, height);
        var source = image.Pixels;
        for (var y = 0; y < height; y++)
        {
            var row = result.Row(y);
            // Twice the distance from the centre is a whole number.
            long dy = (2L * y) - (height - 1);
            for (var x = 0; x < width; x++)
            {
                long dx = (2L * x) - (width - 1);
                var sx = (acrossX * dx) - (alongY * dy) + ((long)(width - 1) << AngleBits);
                var sy = (alongX * dx) + (acrossY * dy) + ((long)(height - 1) << AngleBits);
                Sample(source, width, height, sx, sy, fill, row.Slice(3 * x, 3));
            }
        }

        return result;
    }

    /// <summary>The smallest magnification at which a turned picture shows no filled corner.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="degrees">Angle in degrees.</param>
    public static double ZoomWithoutCorners(int width, int height, double degrees)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var (sin, cos) = ExactMath.SinCos(degrees);
        sin = Math.Abs(sin);
        cos = Math.Abs(cos);
        var ratio = width >= height ? (double)width / height : (double)height / width;
        return cos + (sin * ratio);
    }

    private static void CheckZoom(double zoom, string name)
    {
        if (!(zoom is >= 0.1 and <= 10))
            throw new ArgumentOutOfRangeException(name, zoom, "The magnification must be between 0.1 and 10.");
    }

    private static long Fixed(double value) => (long)Math.Round(value * (1L << AngleBits), MidpointRounding.AwayFromZero);

    private static void Sample(ReadOnlySpan<byte> source, int width, int height, long sx, long sy, EdgeFill fill, Span<byte> output)
    {
        long x = sx >> PositionBits, y = sy >> PositionBits;
        var shareX = (int)(sx >> (PositionBits - ShareBits)) & (One - 1);
        var shareY = (int)(sy >> (PositionBits - ShareBits)) & (One - 1);
        int x0 = 3 * Inside(x, width, fill), x1 = 3 * Inside(x + 1, width, fill);
        int y0 = 3 * width * Inside(y, height, fill), y1 = 3 * width * Inside(y + 1, height, fill);
        for (var c = 0; c < 3; c++)
        {
            var top = (source[y0 + x0 + c] * (One - shareX)) + (source[y0 + x1 + c] * shareX);
            var bottom = (source[y1 + x0 + c] * (One - shareX)) + (source[y1 + x1 + c] * shareX);
            output[c] = (byte)(((top * (One - shareY)) + (bottom * shareY) + (1 << ((2 * ShareBits) - 1))) >> (2 * ShareBits));
        }
    }

    private static int Inside(long position, int length, EdgeFill fill)
    {
        if (position >= 0 && position < length)
            return (int)position;
        if (fill == EdgeFill.Nearest)
            return (int)Math.Clamp(position, 0, length - 1);
        // The edge pixel is repeated once: period of twice the length.
        var within = position % (2L * length);
        if (within < 0)
            within += 2L * length;
        return (int)(within < length ? within : (2L * length) - 1 - within);
    }
}
