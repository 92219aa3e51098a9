using Melanoma.Imaging;

namespace Melanoma.UnitTests.Imaging;

public sealed class ImageInspectorTests
{
    private static readonly ImageLimits Limits = ImageLimits.Default;

    public static TheoryData<string, byte[], ImageRefusalReason> Refused => new()
    {
        { "empty", [], ImageRefusalReason.Empty },
        { "text", [.. "This is no picture, whatever its name says.\n"u8], ImageRefusalReason.NotAnImage },
        { "zeros", new byte[4096], ImageRefusalReason.NotAnImage },
        { "ZIP", [.. "PK\u0003\u0004"u8, .. new byte[100]], ImageRefusalReason.NotAnImage },
        { "GIF", [.. "GIF89a"u8, 10, 0, 10, 0, 0, 0, 0], ImageRefusalReason.UnsupportedFormat },
        { "JPEG 2000", [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20, 0x0D, 0x0A, 0x87, 0x0A], ImageRefusalReason.UnsupportedFormat },
        { "JPEG 2000 stream", [0xFF, 0x4F, 0xFF, 0x51, 0, 41], ImageRefusalReason.UnsupportedFormat },
        { "JPEG XL", [0xFF, 0x0A, 0x10, 0], ImageRefusalReason.UnsupportedFormat },
        { "AVIF", [0, 0, 0, 28, .. "ftypavif"u8, .. new byte[16]], ImageRefusalReason.UnsupportedFormat },
        { "HEIC", [0, 0, 0, 24, .. "ftypheic"u8, .. new byte[16]], ImageRefusalReason.UnsupportedFormat },
        { "DICOM", [.. new byte[128], .. "DICM"u8, .. new byte[64]], ImageRefusalReason.UnsupportedFormat },
        { "BigTIFF", [.. "II+\0"u8, 8, 0, 0, 0, .. new byte[32]], ImageRefusalReason.UnsupportedFormat },
        { "JPEG start alone", [0xFF, 0xD8, 0xFF], ImageRefusalReason.Truncated },
        { "PNG signature alone", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], ImageRefusalReason.Truncated },
        { "WebP start alone", [.. "RIFF"u8, 100, 0, 0, 0, .. "WEBP"u8], ImageRefusalReason.Truncated },
        { "TIFF start alone", [.. "II*\0"u8, 8, 0, 0, 0], ImageRefusalReason.Truncated },
        { "BMP start alone", [.. "BM"u8, 1, 2, 3], ImageRefusalReason.Truncated },
        { "12-bit JPEG", With(HandMadeJpeg.Flat(16, 16, [1, 2, 3]), [0xFF, 0xC0, 0, 17], 4, 12), ImageRefusalReason.UnsupportedFormat },
        { "lossless JPEG", With(HandMadeJpeg.Flat(16, 16, [1, 2, 3]), [0xFF, 0xC0, 0, 17], 1, 0xC3), ImageRefusalReason.UnsupportedFormat },
        { "JPEG of two components", HandMadeJpeg.Flat(16, 16, [1, 2]), ImageRefusalReason.UnsupportedFormat },
        { "JPEG without height", HandMadeJpeg.Claiming(100, 0), ImageRefusalReason.Corrupt },
        { "PNG of colour type 5", TestPictures.PngAround(20, 20, 8, 5, []), ImageRefusalReason.Corrupt },
        { "PNG of no width", TestPictures.PngAround(0, 20, 8, 2, []), ImageRefusalReason.Corrupt },
        { "narrow", ImageEncoder.EncodePng(TestPictures.Ramp(15, 200)), ImageRefusalReason.TooSmall },
        { "one pixel", HandMadeJpeg.Flat(1, 1, [1, 2, 3]), ImageRefusalReason.TooSmall },
        { "PNG of 30000 x 30000", TestPictures.PngAround(30_000, 30_000, 8, 2, new byte[500]), ImageRefusalReason.TooManyPixels },
        { "JPEG of 65500 x 65500", HandMadeJpeg.Claiming(65_500, 65_500), ImageRefusalReason.TooManyPixels },
        { "long PNG", TestPictures.PngAround(20_001, 16, 8, 2, []), ImageRefusalReason.TooManyPixels },
        { "PNG of 2147483647 x 2147483647", TestPictures.PngAround(int.MaxValue, int.MaxValue, 8, 2, []), ImageRefusalReason.TooManyPixels },
        { "TIFF of JPEG", new HandMadeTiff { Width = 20, Height = 20, Compression = 7, Rows = Rows(20, 60) }.Write(), ImageRefusalReason.UnsupportedFormat },
        { "TIFF of 32 bits", new HandMadeTiff { Width = 20, Height = 20, Bits = 32, Rows = Rows(20, 240) }.Write(), ImageRefusalReason.UnsupportedFormat },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Should_refuse_with_a_reason_when_the_header_is_not_taken(string name, byte[] file, ImageRefusalReason reason)
    {
        Assert.False(ImageInspector.TryInspect(file, Limits, out _, out var refusal), name);
        Assert.Equal(reason, refusal.Reason);
        Assert.EndsWith(".", refusal.Message.TrimEnd(')', '"'), StringComparison.Ordinal);
        Assert.False(ImageDecoder.TryDecode(file, Limits, out _, out var same));
        Assert.Equal(refusal, same);
    }

    [Fact]
    public void Should_refuse_by_bytes_when_the_file_is_too_large()
    {
        Assert.False(ImageInspector.TryInspect(new byte[50 * 1024 * 1024], Limits, out _, out var refusal));
        Assert.Equal(ImageRefusalReason.TooManyBytes, refusal.Reason);
        Assert.Contains("50.0 MiB", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("20 MiB", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Should_refuse_without_taking_memory_when_a_bomb_claims_many_pixels(bool png)
    {
        var file = png ? TestPictures.PngAround(30_000, 30_000, 8, 2, new byte[900_000]) : HandMadeJpeg.Claiming(65_500, 65_500);
        var square = new byte[224 * 224 * 3];
        ImageDecoder.TryDecodeToSquare(file, 224, square, Limits, out _);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(ImageDecoder.TryDecodeToSquare(file, 224, square, Limits, out var refusal));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(ImageRefusalReason.TooManyPixels, refusal.Reason);
        Assert.True(allocated < 16_384, $"{allocated} bytes");
    }

    [Fact]
    public void Should_read_every_format_when_the_file_is_whole()
    {
        var image = TestPictures.Ramp(40, 30);
        byte[][] rows = [.. Enumerable.Range(0, 30).Select(y => image.Row(y).ToArray())];
        Check(ImageEncoder.EncodeJpeg(image, 95), new(ImageFormat.Jpeg, 40, 30, 3, 8), "image/jpeg");
        Check(ImageEncoder.EncodePng(image), new(ImageFormat.Png, 40, 30, 3, 8), "image/png");
        Check(TestPictures.Bmp(image), new(ImageFormat.Bmp, 40, 30, 3, 8), "image/bmp");
        Check(new HandMadeTiff { Width = 40, Height = 30, Rows = rows }.Write(), new(ImageFormat.Tiff, 40, 30, 3, 8), "image/tiff");
        Check(WebPFiles.Encode(image, lossless: true), new(ImageFormat.WebP, 40, 30, 3, 8), "image/webp");
        Check(WebPFiles.Encode(image, lossless: false), new(ImageFormat.WebP, 40, 30, 3, 8), "image/webp");
        Check(HandMadeJpeg.Flat(40, 30, [9]), new(ImageFormat.Jpeg, 40, 30, 1, 8), "image/jpeg");
        Check(HandMadeJpeg.Flat(40, 30, [9, 9, 9, 9], 0), new(ImageFormat.Jpeg, 40, 30, 4, 8), "image/jpeg");

        static void Check(byte[] file, ImageHeader expected, string mediaType)
        {
            Assert.True(ImageInspector.TryInspect(file, Limits, out var header, out var refusal), refusal?.Message);
            Assert.Equal(expected, header);
            Assert.Equal(mediaType, header.MediaType);
        }
    }

    [Fact]
    public void Should_judge_by_the_limits_when_they_are_changed()
    {
        var file = ImageEncoder.EncodePng(TestPictures.Ramp(64, 48));
        Assert.True(ImageInspector.TryInspect(file, Limits with { MaxPixels = 64 * 48 }, out _, out _));
        Assert.False(ImageInspector.TryInspect(file, Limits with { MaxPixels = (64 * 48) - 1 }, out _, out var pixels));
        Assert.Equal(ImageRefusalReason.TooManyPixels, pixels.Reason);
        Assert.False(ImageInspector.TryInspect(file, Limits with { MaxSide = 63 }, out _, out var side));
        Assert.Equal(ImageRefusalReason.TooManyPixels, side.Reason);
        Assert.False(ImageInspector.TryInspect(file, Limits with { MinSide = 49 }, out _, out var small));
        Assert.Equal(ImageRefusalReason.TooSmall, small.Reason);
        Assert.False(ImageInspector.TryInspect(file, Limits with { MaxBytes = file.Length - 1 }, out _, out var bytes));
        Assert.Equal(ImageRefusalReason.TooManyBytes, bytes.Reason);
    }

    private static byte[] With(byte[] file, byte[] pattern, int offset, byte value)
    {
        file[file.AsSpan().IndexOf(pattern) + offset] = value;
        return file;
    }

    private static byte[][] Rows(int count, int length) => [.. Enumerable.Range(0, count).Select(_ => new byte[length])];
}
