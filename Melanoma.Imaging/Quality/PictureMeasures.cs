namespace Melanoma.Imaging;

/// <summary>All that intake measures of a picture, in one go.</summary>
/// <param name="Quality">How far it is fit to be judged.</param>
/// <param name="Properties">What it shows of camera and software.</param>
public readonly record struct PictureMeasures(ImageQuality Quality, ImageProperties Properties)
{
    /// <summary>Side of the square that is measured, in pixels: 128.</summary>
    public const int Side = PictureScan.Side;

    /// <summary>Measures a picture.</summary>
    /// <param name="square">The whole upright picture at <see cref="Side"/> x <see cref="Side"/>, as <see cref="ImageDecoder.TryDecodeToSketch"/> makes
    /// it.</param>
    /// <param name="header">What the file says of its size.</param>
    /// <param name="file">The file, of which only the part before the picture data is read.</param>
    /// <exception cref="ArgumentException">The square has another size.</exception>
    public static PictureMeasures Of(RgbImage square, in ImageHeader header, ReadOnlySpan<byte> file)
    {
        ArgumentNullException.ThrowIfNull(square);
        if (square.Width != Side || square.Height != Side)
            throw new ArgumentException($"A picture is measured at {Side} x {Side}, not at {square.Width} x {square.Height}.", nameof(square));
        Span<short> luma = stackalloc short[PictureScan.Cells];
        var scan = PictureScan.Of(square.Pixels, luma);
        var border = PictureBorder.Of(luma);
        var compression = header.Format == ImageFormat.Jpeg ? Headers.JpegCompression.Read(file) : default;
        return new(
            ImageQuality.Of(scan, header),
            new(compression.Quality, compression.TablesHash, compression.Subsampling, border.CornerBrightness, border.DarkCorners, border.DarkSides));
    }
}
