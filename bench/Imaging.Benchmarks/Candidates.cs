using System.Runtime.InteropServices;
using NetVips;
using OpenCvSharp;
using SkiaSharp;

namespace Melanoma.Imaging.Benchmarks;

internal static class Candidates
{
    public static IEnumerable<(string Name, Action<byte[]> Run)> All(int side)
    {
        var square = new byte[side * side * 3];
        yield return ("Melanoma.Imaging, judged header + Skia + exact area filter", file => Must(ImageDecoder.TryDecodeToSquare(file, side, square, ImageLimits.Default, out _)));
        yield return ("SkiaSharp, decode only", file => SkiaDecode(file, 1, out _));
        yield return ("SkiaSharp, decode at the JPEG's own reduced scale (at least twice the square)", file => SkiaDecode(file, Reduction(file, side), out _));
        yield return ("SkiaSharp, decode + its own linear resize", file => SkiaResize(file, side));
        yield return ("NetVips, decode only", VipsDecode);
        yield return ("NetVips, decode + exact area filter", file => VipsArea(file, side, square));
        yield return ("NetVips, decode + its own linear resize", file => VipsResize(file, side));
        yield return ("NetVips, thumbnail", file => VipsThumbnail(file, side));
        yield return ("OpenCvSharp, decode only", file => Cv2.ImDecode(file, ImreadModes.Color).Dispose());
        yield return ("OpenCvSharp, decode + INTER_AREA", file => CvArea(file, side));
    }

    private static void Must(bool done)
    {
        if (!done)
            throw new InvalidOperationException("A sample was refused.");
    }

    private static int Reduction(byte[] file, int side)
    {
        Must(ImageInspector.TryInspect(file, ImageLimits.Default, out var header, out _));
        var reduction = 1;
        while (reduction < 8 && Math.Min(header.Width, header.Height) / (reduction * 2) >= 2 * side)
            reduction *= 2;
        return reduction;
    }

    private static unsafe void SkiaDecode(byte[] file, int reduction, out SKImageInfo info)
    {
        fixed (byte* start = file)
        {
            using var data = SKData.Create((nint)start, file.Length);
            using var codec = SKCodec.Create(data);
            var size = codec.GetScaledDimensions(1f / reduction);
            info = new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
            var pixels = (nint)NativeMemory.AllocZeroed((nuint)info.BytesSize);
            Must(codec.GetPixels(info, pixels) == SKCodecResult.Success);
            NativeMemory.Free((void*)pixels);
        }
    }

    private static void SkiaResize(byte[] file, int side)
    {
        using var image = SKBitmap.Decode(file);
        using var small = image.Resize(new SKImageInfo(side, side), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    }

    private static void VipsArea(byte[] file, int side, byte[] square)
    {
        using var image = NetVips.Image.NewFromBuffer(file, failOn: Enums.FailOn.Truncated, access: Enums.Access.Sequential);
        AreaFilter.ToSquare(new RgbImage(image.Width, image.Height, image.WriteToMemory<byte>()), side, square);
    }

    private static void VipsDecode(byte[] file)
    {
        using var image = NetVips.Image.NewFromBuffer(file, failOn: Enums.FailOn.Truncated);
        image.WriteToMemory<byte>();
    }

    private static void VipsResize(byte[] file, int side)
    {
        using var image = NetVips.Image.NewFromBuffer(file, failOn: Enums.FailOn.Truncated);
        using var small = image.Resize((double)side / image.Width, Enums.Kernel.Linear, vscale: (double)side / image.Height);
        small.WriteToMemory<byte>();
    }

    private static void VipsThumbnail(byte[] file, int side)
    {
        using var image = NetVips.Image.ThumbnailBuffer(file, side, height: side, size: Enums.Size.Force);
        image.WriteToMemory<byte>();
    }

    private static void CvArea(byte[] file, int side)
    {
        using var image = Cv2.ImDecode(file, ImreadModes.Color);
        using var small = new Mat();
        Cv2.Resize(image, small, new(side, side), 0, 0, InterpolationFlags.Area);
    }
}
