using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Imaging;

public sealed class ImageDecoderTests
{
    private static readonly ImageLimits Limits = ImageLimits.Default;

    [Theory]
    [InlineData(192, 1)]
    [InlineData(192, 6)]
    [InlineData(448, 1)]
    public void Should_give_the_square_of_one_decoding_and_the_sketch_beside_it(int side, int orientation)
    {
        var file = TestPictures.WithOrientation(ImageEncoder.EncodeJpeg(SyntheticLesions.Draw(3, 5), 90), orientation);
        var (square, alone, sketch) = (new byte[side * side * 3], new byte[side * side * 3], new byte[128 * 128 * 3]);
        Assert.True(ImageDecoder.TryDecodeToSquares(file, side, square, 128, sketch, Limits, out var header, out _));
        Assert.True(ImageDecoder.TryDecodeToSquare(file, side, alone, Limits, out _));
        Assert.True(ImageDecoder.TryDecode(file, Limits, out var whole, out _));

        Assert.Equal(alone, square);
        Assert.Equal((whole.Width, whole.Height), (header.UprightWidth, header.UprightHeight));
        Assert.InRange(sketch.Zip(AreaFilter.Resize(whole, 128, 128).Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Average(), 0, 0.6);
    }

    [Fact]
    public void Should_give_the_same_pixels_when_the_format_has_no_loss()
    {
        var image = TestPictures.Noise(53, 37, 1);
        AssertSame(image, Decode(ImageEncoder.EncodePng(image)));
        AssertSame(image, Decode(WebPFiles.Encode(image, lossless: true)));
        AssertSame(image, Decode(TestPictures.Bmp(image)));
        AssertSame(image, Decode(TestPictures.Bmp(image, topDown: true)));
    }

    [Theory]
    [InlineData(1, 1, false, int.MaxValue)]
    [InlineData(1, 1, true, 7)]
    [InlineData(5, 1, false, 10)]
    [InlineData(5, 2, true, int.MaxValue)]
    [InlineData(8, 1, false, 1)]
    [InlineData(8, 2, false, 16)]
    [InlineData(32773, 1, true, 16)]
    public void Should_give_the_same_pixels_when_a_TIFF_is_packed(int compression, int predictor, bool bigEndian, int rowsPerStrip)
    {
        // Half noise, half flat: the LZW table fills up, is cleared, and long runs occur.
        var image = TestPictures.Noise(71, 90, 2);
        image.Pixels[..(image.Pixels.Length / 2)].Fill(77);
        var rows = Rows(image);
        if (predictor == 2)
            rows = [.. rows.Select(row => Enumerable.Range(0, row.Length).Select(i => (byte)(row[i] - (i < 3 ? 0 : row[i - 3]))).ToArray())];
        var file = new HandMadeTiff
        {
            Width = 71,
            Height = 90,
            Rows = rows,
            Compression = compression,
            Predictor = predictor,
            BigEndian = bigEndian,
            RowsPerStrip = rowsPerStrip,
        }.Write();
        AssertSame(image, Decode(file));
    }

    [Fact]
    public void Should_bring_TIFF_colours_to_RGB_when_they_are_stored_otherwise()
    {
        AssertPixel(Tiff(1, 8, 1, [40]), 40, 40, 40);
        AssertPixel(Tiff(0, 8, 1, [40]), 215, 215, 215);
        AssertPixel(Tiff(2, 16, 3, [7, 200, 7, 100, 7, 50]), 200, 100, 50);
        AssertPixel(Tiff(5, 8, 4, [0, 255, 128, 0]), 255, 0, 127);
        AssertPixel(Tiff(5, 8, 4, [0, 0, 0, 255]), 0, 0, 0);
        AssertPixel(Tiff(2, 8, 4, [100, 50, 0, 0], extra: 2), 255, 255, 255);
        AssertPixel(Tiff(2, 8, 4, [100, 50, 0, 127], extra: 1), 228, 178, 128);
        AssertPixel(Tiff(2, 8, 4, [100, 50, 0, 0], extra: 0), 100, 50, 0);
        var map = new int[768];
        (map[5], map[256 + 5], map[512 + 5]) = (0x1000, 0x2000, 0xFF00);
        AssertPixel(Tiff(3, 8, 1, [5], map: map), 0x10, 0x20, 0xFF);
        var bilevel = new HandMadeTiff { Width = 20, Height = 16, Bits = 1, Samples = 1, Photometric = 0, Rows = [.. Enumerable.Range(0, 16).Select(_ => new byte[] { 0x80, 0, 0x10 })] };
        var image = Decode(bilevel.Write());
        Assert.Equal(0, image.Row(3)[0]);
        Assert.Equal(255, image.Row(3)[3]);
        Assert.Equal(0, image.Row(3)[19 * 3]);
    }

    [Fact]
    public void Should_bring_PNG_colours_to_RGB_when_they_are_stored_otherwise()
    {
        AssertPixel(Png(0, 8, 40), 40, 40, 40);
        AssertPixel(Png(0, 16, 200, 3), 200, 200, 200);
        AssertPixel(Png(2, 16, 10, 0, 128, 0, 250, 0), 10, 128, 250);
        AssertPixel(Png(4, 8, 40, 255), 40, 40, 40);
        AssertPixel(Png(4, 8, 40, 0), 255, 255, 255);
        AssertPixel(Png(6, 8, 100, 50, 0, 51), 224, 214, 204);
        AssertPixel(Png(6, 16, 100, 0, 50, 0, 0, 0, 255, 255), 100, 50, 0);
        var indexed = TestPictures.Png(20, 16, 8, 3, Rows(20, 16, [1]), ("PLTE", [0, 0, 0, 9, 8, 7]), ("tRNS", [0]));
        AssertPixel(indexed, 9, 8, 7);
    }

    [Fact]
    public void Should_bring_JPEG_colours_to_RGB_when_they_are_stored_otherwise()
    {
        AssertPixel(HandMadeJpeg.Flat(20, 20, [90]), 90, 90, 90);
        AssertPixel(HandMadeJpeg.Flat(20, 20, [120, 128, 128]), 120, 120, 120);
        AssertPixel(HandMadeJpeg.Flat(20, 20, [10, 100, 200], 0), 10, 100, 200);
        // Adobe stores CMYK inverted: 255 is no ink.
        AssertPixel(HandMadeJpeg.Flat(20, 20, [255, 255, 255, 255], 0), 255, 255, 255);
        AssertPixel(HandMadeJpeg.Flat(20, 20, [255, 255, 255, 0], 0), 0, 0, 0);
        AssertPixel(HandMadeJpeg.Flat(20, 20, [255, 0, 0, 255], 0), 255, 0, 0);
        AssertPixel(HandMadeJpeg.Flat(20, 20, [255, 128, 128, 255], 2), 0, 0, 0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Should_turn_the_picture_upright_when_EXIF_says_how(int orientation)
    {
        var stored = TestPictures.Ramp(48, 32);
        var jpeg = ImageEncoder.EncodeJpeg(stored, 95);
        var flat = Decode(jpeg);
        var upright = Decode(TestPictures.WithOrientation(jpeg, orientation));

        Assert.Equal(orientation >= 5 ? (32, 48) : (48, 32), (upright.Width, upright.Height));
        for (var y = 0; y < 32; y++)
        {
            for (var x = 0; x < 48; x++)
            {
                // EXIF 2.3, table of tag 274: where row 0 and column 0 of the stored picture are seen.
                var (atX, atY) = orientation switch
                {
                    2 => (47 - x, y),
                    3 => (47 - x, 31 - y),
                    4 => (x, 31 - y),
                    5 => (y, x),
                    6 => (31 - y, x),
                    7 => (31 - y, 47 - x),
                    8 => (y, 47 - x),
                    _ => (x, y),
                };
                Assert.True(flat.Row(y).Slice(3 * x, 3).SequenceEqual(upright.Row(atY).Slice(3 * atX, 3)), $"{x},{y}");
            }
        }

        var fromTiff = new HandMadeTiff { Width = 48, Height = 32, Rows = Rows(flat), Orientation = orientation }.Write();
        AssertSame(upright, Decode(fromTiff));
    }

    [Theory]
    [InlineData(1, 97, 61, 32)]
    [InlineData(6, 97, 61, 32)]
    [InlineData(7, 60, 45, 90)]
    [InlineData(3, 40, 50, 45)]
    public void Should_give_one_result_when_a_square_is_made_by_either_path(int orientation, int width, int height, int side)
    {
        var file = TestPictures.WithOrientation(ImageEncoder.EncodeJpeg(TestPictures.Noise(width, height, 5), 90), orientation);
        var expected = new byte[side * side * 3];
        AreaFilter.ToSquare(Decode(file), side, expected);
        for (var i = 0; i < 3; i++)
        {
            var square = new byte[side * side * 3];
            Assert.True(ImageDecoder.TryDecodeToSquare(file, side, square, Limits, out _));
            Assert.True(square.AsSpan().SequenceEqual(expected));
        }
    }

    [Theory]
    [InlineData(1600, 1200, 90, 4)]
    [InlineData(1600, 1200, 60, 0)]
    [InlineData(1000, 800, 95, 10)]
    [InlineData(1024, 768, 75, 6)]
    public void Should_stay_within_the_stated_tolerance_when_a_large_JPEG_is_decoded_smaller(int width, int height, int quality, int grain)
    {
        const int Side = 160;
        var image = AreaFilter.Resize(SyntheticLesions.Draw(3, 1, 500), width, height);
        var random = new Random(1);
        foreach (ref var value in image.Pixels)
            value = (byte)Math.Clamp(value + random.Next(-grain, grain + 1), 0, 255);
        var file = ImageEncoder.EncodeJpeg(image, quality);
        byte[] exact = new byte[Side * Side * 3], square = new byte[Side * Side * 3];
        AreaFilter.ToSquare(Decode(file), Side, exact);
        Assert.True(ImageDecoder.TryDecodeToSquare(file, Side, square, Limits, out _));

        var differences = exact.Zip(square, (a, b) => Math.Abs(a - b)).ToArray();
        Assert.True(differences.Max() is > 0 and <= 4, $"largest {differences.Max()}");
        Assert.True(differences.Average() <= 0.5, $"mean {differences.Average()}");
    }

    [Theory]
    [InlineData(600, 450, 2)]
    [InlineData(1024, 768, 4)]
    [InlineData(2000, 1500, 4)]
    [InlineData(300, 225, 1)]
    public void Should_sketch_as_the_whole_picture_when_it_is_decoded_at_a_part_of_its_size(int width, int height, int reduced)
    {
        const int Side = PictureSignature.SourceSide;
        var file = ImageEncoder.EncodeJpeg(AreaFilter.Resize(SyntheticLesions.Draw(3, 1, 500), width, height), 85);
        byte[] exact = new byte[Side * Side * 3], sketch = new byte[Side * Side * 3], large = new byte[4 * Side * Side * 3];
        AreaFilter.ToSquare(Decode(file), Side, exact);
        AreaFilter.ToSquare(Decode(file), 2 * Side, large);

        Assert.True(ImageDecoder.TryDecodeToSketch(file, Side, sketch, Limits, out _));

        var differences = exact.Zip(sketch, (a, b) => Math.Abs(a - b)).ToArray();
        Assert.Equal(reduced == 1, differences.Max() == 0);
        Assert.True(differences.Max() <= 6 && differences.Average() <= 0.75, $"largest {differences.Max()}, mean {differences.Average()}");

        // Signatures of before were made by way of 256 x 256 pixels; they and those of now are of the same picture.
        var before = AreaFilter.Resize(new RgbImage(2 * Side, 2 * Side, large), Side, Side);
        var (old, now) = (PictureSignature.Compute(before, width, height), PictureSignature.Compute(new RgbImage(Side, Side, sketch), width, height));
        Assert.True(NearDuplicateVerifier.Compare(old, now) is { IsMatch: true, Similarity: > 0.99 });
    }

    [Fact]
    public void Should_give_the_same_square_when_many_threads_ask()
    {
        var file = ImageEncoder.EncodeJpeg(TestPictures.Noise(180, 180, 8), 85);
        var squares = new byte[32][];
        Parallel.For(0, squares.Length, i => Assert.True(ImageDecoder.TryDecodeToSquare(file, 64, squares[i] = new byte[64 * 64 * 3], Limits, out _)));
        Assert.All(squares, square => Assert.True(square.AsSpan().SequenceEqual(squares[0])));
    }

    [Theory]
    [InlineData("jpeg")]
    [InlineData("png")]
    [InlineData("webp")]
    [InlineData("webp lossy")]
    [InlineData("tiff")]
    [InlineData("bmp")]
    public void Should_refuse_when_the_file_is_cut_anywhere(string format)
    {
        var image = TestPictures.Noise(64, 48, 3);
        var file = format switch
        {
            "jpeg" => ImageEncoder.EncodeJpeg(image, 90),
            "png" => ImageEncoder.EncodePng(image),
            "webp" => WebPFiles.Encode(image, lossless: true),
            "webp lossy" => WebPFiles.Encode(image, lossless: false),
            "tiff" => new HandMadeTiff { Width = 64, Height = 48, Rows = Rows(image), Compression = 8 }.Write(),
            _ => TestPictures.Bmp(image),
        };
        Assert.True(ImageDecoder.TryDecode(file, Limits, out _, out _));
        foreach (var length in new[] { file.Length - 1, file.Length - 2, file.Length * 9 / 10, file.Length / 2, file.Length / 4, 700, 100, 40, 20, 3 })
        {
            Assert.False(ImageDecoder.TryDecode(file.AsSpan(0, length), Limits, out _, out var refusal), $"{length} of {file.Length}");
            Assert.True(refusal.Reason is ImageRefusalReason.Truncated or ImageRefusalReason.NotAnImage, $"{length}: {refusal}");
        }
    }

    [Fact]
    public void Should_refuse_when_the_pixels_are_damaged_or_missing()
    {
        var empty = TestPictures.PngAround(40, 40, 8, 2, [0x78, 0x9C, 3, 0, 0, 0, 0, 1]);
        Refused(empty, ImageRefusalReason.Truncated, ImageRefusalReason.Corrupt);

        var png = ImageEncoder.EncodePng(TestPictures.Noise(40, 40, 4));
        png[png.Length / 2] ^= 0x55;
        Refused(png, ImageRefusalReason.Corrupt, ImageRefusalReason.Truncated);

        var twice = HandMadeJpeg.Flat(32, 32, [1, 2, 3]);
        var frame = twice.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]);
        Refused([.. twice[..(frame + 19)], .. twice[frame..]], ImageRefusalReason.Corrupt);

        var many = HandMadeJpeg.Flat(32, 32, [1]);
        var scan = many.AsSpan().IndexOf([(byte)0xFF, (byte)0xDA]);
        Refused([.. many[..scan], .. Enumerable.Repeat(many[scan..^2], 200).SelectMany(s => s), 0xFF, 0xD9], ImageRefusalReason.Corrupt);

        static void Refused(byte[] file, params ImageRefusalReason[] reasons)
        {
            Assert.False(ImageDecoder.TryDecode(file, Limits, out _, out var refusal));
            Assert.Contains(refusal.Reason, reasons);
        }
    }

    [Fact]
    public void Should_leave_the_destination_alone_when_the_picture_is_refused()
    {
        var square = new byte[32 * 32 * 3];
        square.AsSpan().Fill(7);
        var file = ImageEncoder.EncodeJpeg(TestPictures.Noise(64, 64, 1), 90);
        Assert.False(ImageDecoder.TryDecodeToSquare(file.AsSpan(0, file.Length / 2), 32, square, Limits, out _));
        Assert.All(square, value => Assert.Equal(7, value));
        Assert.Throws<ArgumentException>(() => ImageDecoder.TryDecodeToSquare(file, 33, square, Limits, out _));
    }

    internal static RgbImage Decode(byte[] file)
    {
        Assert.True(ImageDecoder.TryDecode(file, Limits, out var image, out var refusal), refusal?.Message);
        return image;
    }

    internal static void AssertSame(RgbImage expected, RgbImage actual)
    {
        Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
        Assert.True(expected.Pixels.SequenceEqual(actual.Pixels));
    }

    private static void AssertPixel(byte[] file, int red, int green, int blue)
    {
        var image = Decode(file);
        var middle = image.Row(image.Height / 2).Slice(image.Width / 2 * 3, 3);
        Assert.Equal((red, green, blue), (middle[0], middle[1], middle[2]));
    }

    private static byte[] Tiff(int photometric, int bits, int samples, byte[] pixel, int? extra = null, int[]? map = null) => new HandMadeTiff
    {
        Width = 20,
        Height = 16,
        Photometric = photometric,
        Bits = bits,
        Samples = samples,
        ExtraSample = extra,
        ColourMap = map,
        Rows = Rows(20, 16, pixel),
    }.Write();

    private static byte[] Png(int colourType, int bits, params byte[] pixel) => TestPictures.Png(20, 16, bits, colourType, Rows(20, 16, pixel));

    private static byte[][] Rows(int width, int height, byte[] pixel) =>
        [.. Enumerable.Range(0, height).Select(_ => Enumerable.Repeat(pixel, width).SelectMany(p => p).ToArray())];

    private static byte[][] Rows(RgbImage image) => [.. Enumerable.Range(0, image.Height).Select(y => image.Row(y).ToArray())];
}
