namespace Melanoma.Imaging;

/// <summary>An upright picture in 8-bit sRGB: height x width x 3 bytes, row by row from the top left, red first, without padding.</summary>
public sealed class RgbImage
{
    private readonly byte[] _pixels;

    /// <summary>Makes a black picture.</summary>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    public RgbImage(int width, int height)
        : this(width, height, new byte[ByteCount(width, height)])
    {
    }

    /// <summary>Takes ownership of ready pixels, without copying them.</summary>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    /// <param name="pixels">Exactly height x width x 3 bytes.</param>
    /// <exception cref="ArgumentException">The length does not match the size.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.Length != ByteCount(width, height))
            throw new ArgumentException($"{width} x {height} pixels need {ByteCount(width, height)} bytes, not {pixels.Length}.", nameof(pixels));
        Width = width;
        Height = height;
        _pixels = pixels;
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>The pixels, height x width x 3 bytes.</summary>
    public Span<byte> Pixels => _pixels;

    /// <summary>One row, width x 3 bytes.</summary>
    /// <param name="y">Row from the top, 0 to height - 1.</param>
    public Span<byte> Row(int y)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(y);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(y, Height);
        return _pixels.AsSpan(y * Width * 3, Width * 3);
    }

    private static int ByteCount(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        return checked(width * height * 3);
    }
}
