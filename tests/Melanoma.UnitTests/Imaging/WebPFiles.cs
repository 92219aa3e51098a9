using Melanoma.Imaging;
using SkiaSharp;

namespace Melanoma.UnitTests.Imaging;

/// <summary>WebP, which the product reads and never writes.</summary>
internal static class WebPFiles
{
    public static byte[] Encode(RgbImage image, bool lossless)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var y = 0; y < image.Height; y++)
        {
            var row = image.Row(y);
            for (var x = 0; x < image.Width; x++)
                bitmap.SetPixel(x, y, new SKColor(row[3 * x], row[(3 * x) + 1], row[(3 * x) + 2]));
        }

        using var pixmap = bitmap.PeekPixels();
        using var data = pixmap.Encode(new SKWebpEncoderOptions(lossless ? SKWebpEncoderCompression.Lossless : SKWebpEncoderCompression.Lossy, 90));
        return data!.ToArray();
    }
}
