using CsCheck;
using Melanoma.Imaging;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Imaging;

public sealed class QualityJpegTests
{
    private static readonly RgbImage Picture = SyntheticLesions.Draw(3, 1, 64);

    [Fact]
    public void Should_read_the_quality_when_a_file_was_written_with_it()
    {
        var hashes = new HashSet<long>();
        for (var quality = 1; quality <= 100; quality++)
        {
            var properties = Read(ImageEncoder.EncodeJpeg(Picture, quality));
            // The two lowest qualities have the same tables: all steps at 255.
            Assert.InRange(properties.JpegQuality!.Value, quality <= 2 ? 1 : quality, quality <= 2 ? 2 : quality);
            hashes.Add(properties.JpegTables!.Value);
        }

        Assert.InRange(hashes.Count, 98, 100);
    }

    [Fact]
    public void Should_hash_tables_and_not_pictures_when_encoders_are_the_same() => Gen.Select(Gen.Int[0, 8], Gen.Int[1, 100]).Sample(
        (diagnosis, quality) =>
        {
            var other = SyntheticLesions.Draw(diagnosis, 9, 96);
            Assert.Equal(Read(ImageEncoder.EncodeJpeg(Picture, quality)).JpegTables, Read(ImageEncoder.EncodeJpeg(other, quality)).JpegTables);
        },
        iter: 30);

    [Theory]
    [InlineData(0x11, ChromaSubsampling.Full)]
    [InlineData(0x21, ChromaSubsampling.HalfWidth)]
    [InlineData(0x22, ChromaSubsampling.Quarter)]
    [InlineData(0x41, ChromaSubsampling.Other)]
    public void Should_read_the_subsampling_when_the_frame_declares_it(byte factors, ChromaSubsampling expected)
    {
        var file = HandMadeJpeg.Flat(16, 16, [100, 128, 128]);
        file[file.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]) + 11] = factors;

        Assert.Equal(expected, Read(file).Subsampling);
    }

    [Fact]
    public void Should_leave_it_out_when_a_file_is_no_jpeg_or_grey()
    {
        Assert.Equal((null, null, ChromaSubsampling.None), Compression(Measure(ImageFormat.Png, [])));
        var grey = Read(HandMadeJpeg.Flat(16, 16, [100]));
        Assert.Equal(ChromaSubsampling.None, grey.Subsampling);
        Assert.NotNull(grey.JpegQuality);
    }

    [Fact]
    public void Should_answer_when_a_file_is_damaged()
    {
        var whole = ImageEncoder.EncodeJpeg(Picture, 80);
        Gen.Select(Gen.Int[0, whole.Length], Gen.Select(Gen.Int[0, 700], Gen.Byte).Array[0, 8]).Sample((length, changes) =>
        {
            var file = whole[..length];
            foreach (var (at, value) in changes.Where(change => change.Item1 < length))
                file[at] = value;
            Assert.True(Read(file).JpegQuality is null or (>= 1 and <= 100));
        });
        Gen.Byte.Array[0, 400].Sample(bytes => Assert.True(Read(bytes).JpegQuality is null or (>= 1 and <= 100)));
    }

    private static ImageProperties Read(byte[] file) => Measure(ImageFormat.Jpeg, file);

    private static ImageProperties Measure(ImageFormat format, byte[] file) =>
        PictureMeasures.Of(new RgbImage(PictureMeasures.Side, PictureMeasures.Side), new ImageHeader(format, 64, 64, 3, 8), file).Properties;

    private static (int? Quality, long? Tables, ChromaSubsampling Subsampling) Compression(ImageProperties properties) =>
        (properties.JpegQuality, properties.JpegTables, properties.Subsampling);
}
