using SkiaSharp;

namespace Melanoma.Imaging;

/// <summary>Writes pictures. The same pixels give the same bytes with the same version of this library.</summary>
public static class ImageEncoder
{
    // From here on, colour is worth keeping at full resolution.
    private const int FullColourQuality = 90;

    /// <summary>Writes JPEG, baseline; colour at full resolution from quality 90, at half below.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="quality">1 to 100.</param>
    public static byte[] EncodeJpeg(RgbImage image, int quality)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        var sampling = quality >= FullColourQuality ? SKJpegEncoderDownsample.Downsample444 : SKJpegEncoderDownsample.Downsample420;
        return Encode(image, pixmap => pixmap.Encode(new SKJpegEncoderOptions(quality, sampling, SKJpegEncoderAlphaOption.Ignore)));
    }

    /// <summary>Writes PNG, 8-bit RGB, without loss.</summary>
    /// <param name="image">The picture.</param>
    public static byte[] EncodePng(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Encode(image, static pixmap => pixmap.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 6)));
    }

    private static byte[] Encode(RgbImage image, Func<SKPixmap, SKData?> encode)
    {
        using var rgba = new NativePixels(image.Width, image.Height, 4);
        var target = rgba.Span;
        var source = image.Pixels;
        for (int from = 0, to = 0; from < source.Length; from += 3, to += 4)
        {
            target[to] = source[from];
            target[to + 1] = source[from + 1];
            target[to + 2] = source[from + 2];
            target[to + 3] = 255;
        }

        using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), rgba.Address);
        using var data = encode(pixmap) ?? throw new InvalidOperationException("The encoder gave no bytes.");
        return data.ToArray();
    }
}
