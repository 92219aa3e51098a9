using System.Diagnostics.CodeAnalysis;
using Melanoma.Imaging.Headers;
using Melanoma.Imaging.Tiff;
using SkiaSharp;

namespace Melanoma.Imaging;

/// <summary>
/// Decodes JPEG, PNG, WebP, TIFF (first page) and BMP to upright 8-bit sRGB. The header is judged first; what is decoded must be what was judged.
/// Embedded colour profiles are converted to sRGB; CMYK, grey, palettes and 16 bits are brought to 8-bit RGB; transparency is laid on white.
/// </summary>
/// <remarks>Thread-safe. No exception is thrown for any content of a file; <see cref="OutOfMemoryException"/> is the machine's.</remarks>
public static class ImageDecoder
{
    private const int Channels = 4;

    // Beyond a quarter the JPEG's own reduction departs further from the exact area.
    private const int MaxReduction = 4;

    /// <summary>Decodes a whole picture.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="limits">The limits that the header is judged against.</param>
    /// <param name="image">The upright picture, where the result is true.</param>
    /// <param name="refusal">The refusal, where the result is false.</param>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes,
        ImageLimits limits,
        [NotNullWhen(true)] out RgbImage? image,
        [NotNullWhen(false)] out ImageRefusal? refusal)
    {
        image = null;
        if (!TryDecodeStored(bytes, limits, null, out var header, out var stored, out refusal))
            return false;
        using (stored)
        {
            image = new RgbImage(header.UprightWidth, header.UprightHeight);
            Orientation.Apply(stored.Span, header.Width, header.Height, Channels, header.Orientation, image.Pixels);
            return true;
        }
    }

    /// <summary>Decodes a picture and brings it to a square with <see cref="AreaFilter"/>: what networks are trained on and asked about.</summary>
    /// <remarks>
    /// A JPEG whose sides divide by 2 or 4 and stay at least twice the square is decoded at that part of its size. In the drawn pictures of the tests this departs from
    /// <see cref="TryDecode"/> + <see cref="AreaFilter.ToSquare"/> by at most 0.5 levels of 255 in the mean and 4 in any one value, which is no bound for every picture; all else is identical to them.
    /// </remarks>
    /// <param name="bytes">The file.</param>
    /// <param name="side">Side of the square, 1 to <see cref="AreaFilter.MaxOutputSide"/> pixels.</param>
    /// <param name="destination">Receives side x side x 3 bytes (HWC, RGB); exactly that long; untouched where the result is false.</param>
    /// <param name="limits">The limits that the header is judged against.</param>
    /// <param name="refusal">The refusal, where the result is false.</param>
    /// <returns>True where the square is written. The bytes depend on the file and the side alone.</returns>
    /// <exception cref="ArgumentException">The destination has another length or the side is out of range.</exception>
    public static bool TryDecodeToSquare(
        ReadOnlySpan<byte> bytes,
        int side,
        Span<byte> destination,
        ImageLimits limits,
        [NotNullWhen(false)] out ImageRefusal? refusal) => TryFit(bytes, side, 2 * side, destination, 0, [], limits, out _, out refusal);

    /// <summary>As <see cref="TryDecodeToSquare"/>, and of the same decoding a second square, smaller than the first.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="side">Side of the square, 1 to <see cref="AreaFilter.MaxOutputSide"/> pixels.</param>
    /// <param name="destination">Receives side x side x 3 bytes (HWC, RGB); exactly that long; untouched where the result is false.</param>
    /// <param name="sketchSide">Side of the second square.</param>
    /// <param name="sketch">Receives the second square; exactly as long as its side asks for; untouched where the result is false.</param>
    /// <param name="limits">The limits that the header is judged against.</param>
    /// <param name="header">What the file says of its size.</param>
    /// <param name="refusal">The refusal, where the result is false.</param>
    /// <returns>True where both squares are written.</returns>
    /// <exception cref="ArgumentException">A destination has another length or a side is out of range.</exception>
    public static bool TryDecodeToSquares(
        ReadOnlySpan<byte> bytes,
        int side,
        Span<byte> destination,
        int sketchSide,
        Span<byte> sketch,
        ImageLimits limits,
        out ImageHeader header,
        [NotNullWhen(false)] out ImageRefusal? refusal)
    {
        AreaFilter.CheckOutput(sketchSide, sketchSide, sketch.Length);
        return TryFit(bytes, side, 2 * Math.Max(side, sketchSide), destination, sketchSide, sketch, limits, out header, out refusal);
    }

    /// <summary>
    /// As <see cref="TryDecodeToSquare"/>, for what is measured of a picture and recognised again: a JPEG is decoded at a half or a quarter of its size as soon as one and a half
    /// times the square are left. The file is read and checked as far; a picture of 600 x 450 costs half of a whole decoding.
    /// </summary>
    /// <param name="bytes">The file.</param>
    /// <param name="side">Output side in pixels.</param>
    /// <param name="destination">Receives side x side x 3 bytes (HWC, RGB); exactly that long. Untouched where the result is false.</param>
    /// <param name="limits">The limits that the header is judged against.</param>
    /// <param name="refusal">The refusal, where the result is false.</param>
    /// <returns>True where the square is written. The bytes depend on the file and the side alone.</returns>
    /// <exception cref="ArgumentException">The destination has another length or the side is out of range.</exception>
    public static bool TryDecodeToSketch(
        ReadOnlySpan<byte> bytes,
        int side,
        Span<byte> destination,
        ImageLimits limits,
        [NotNullWhen(false)] out ImageRefusal? refusal) => TryFit(bytes, side, 3 * side / 2, destination, 0, [], limits, out _, out refusal);

    private static bool TryFit(
        ReadOnlySpan<byte> bytes,
        int side,
        int leastSide,
        Span<byte> destination,
        int sketchSide,
        Span<byte> sketch,
        ImageLimits limits,
        out ImageHeader header,
        [NotNullWhen(false)] out ImageRefusal? refusal)
    {
        AreaFilter.CheckOutput(side, side, destination.Length);
        if (!TryDecodeStored(bytes, limits, leastSide, out header, out var stored, out refusal))
            return false;
        using (stored)
        {
            Fit(stored, header.Orientation, destination, side);
            if (sketchSide > 0)
                Fit(stored, header.Orientation, sketch, sketchSide);
            return true;
        }
    }

    private static void Fit(NativePixels stored, int orientation, Span<byte> destination, int side)
    {
        if (orientation == 1)
        {
            AreaFilter.Resize(stored.Span, stored.Width, stored.Height, Channels, destination, side, side);
            return;
        }

        // Turning the small square gives the same bytes as turning the large picture, because the filter is exact.
        using var square = new NativePixels(side, side, 3);
        AreaFilter.Resize(stored.Span, stored.Width, stored.Height, Channels, square.Span, side, side);
        Orientation.Apply(square.Span, side, side, 3, orientation, destination);
    }

    private static bool TryDecodeStored(
        ReadOnlySpan<byte> bytes,
        ImageLimits limits,
        int? leastSide,
        out ImageHeader header,
        [NotNullWhen(true)] out NativePixels? pixels,
        [NotNullWhen(false)] out ImageRefusal? refusal)
    {
        pixels = null;
        if (!ImageInspector.TryInspect(bytes, limits, out header, out refusal))
            return false;
        refusal = header.Format switch
        {
            ImageFormat.Jpeg => JpegHeader.CheckWhole(bytes),
            ImageFormat.Png => PngHeader.CheckWhole(bytes),
            ImageFormat.WebP => WebPHeader.CheckWhole(bytes),
            ImageFormat.Bmp => BmpHeader.CheckWhole(bytes, header),
            _ => null,
        };
        if (refusal is not null)
            return false;
        var reduction = leastSide is { } least ? Reduction(header, least) : 1;
        pixels = new NativePixels(header.Width / reduction, header.Height / reduction, Channels);
        refusal = header.Format == ImageFormat.Tiff ? TiffReader.Decode(bytes, pixels.Span) : SkiaDecode(bytes, header, pixels);
        if (refusal is null)
            return true;
        pixels.Dispose();
        pixels = null;
        return false;
    }

    // Where both sides divide, so that the geometry stays exact, and enough is left for the area filter.
    private static int Reduction(in ImageHeader header, int leastSide)
    {
        var reduction = header.Format == ImageFormat.Jpeg ? MaxReduction : 1;
        while (reduction > 1
            && (header.Width % reduction != 0 || header.Height % reduction != 0 || Math.Min(header.Width, header.Height) / reduction < leastSide))
            reduction /= 2;
        return reduction;
    }

    private static unsafe ImageRefusal? SkiaDecode(ReadOnlySpan<byte> bytes, in ImageHeader header, NativePixels pixels)
    {
        fixed (byte* start = bytes)
        {
            using var data = SKData.Create((nint)start, bytes.Length);
            using var codec = SKCodec.Create(data);
            if (codec is null)
                return Corrupt(header);
            var stored = codec.Info;
            if (stored.Width != header.Width || stored.Height != header.Height || codec.EncodedFormat != Encoded(header.Format))
                return new(ImageRefusalReason.Corrupt, "The picture contradicts its own header.");
            using var colours = SKColorSpace.CreateSrgb();
            var opaque = stored.AlphaType == SKAlphaType.Opaque;
            var info = new SKImageInfo(pixels.Width, pixels.Height, SKColorType.Rgba8888, opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul, colours);
            var result = codec.GetPixels(info, pixels.Address);
            if (result != SKCodecResult.Success)
                return result == SKCodecResult.IncompleteInput ? Truncated.Refusal : Corrupt(header);
            if (!opaque)
                Transparency.LayOnWhite(pixels.Span);
            return null;
        }
    }

    private static ImageRefusal Corrupt(in ImageHeader header) =>
        new(ImageRefusalReason.Corrupt, $"The file begins as {header.MediaType} but its picture cannot be read: it is damaged. Send it again or save it anew.");

    private static SKEncodedImageFormat Encoded(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => SKEncodedImageFormat.Jpeg,
        ImageFormat.Png => SKEncodedImageFormat.Png,
        ImageFormat.WebP => SKEncodedImageFormat.Webp,
        _ => SKEncodedImageFormat.Bmp,
    };
}
