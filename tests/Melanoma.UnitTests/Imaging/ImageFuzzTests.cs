using System.Diagnostics;
using CsCheck;
using Melanoma.Imaging;
using SkiaSharp;

namespace Melanoma.UnitTests.Imaging;

/// <summary>Whatever the bytes are, the answer is a picture or a refusal, soon, and of the size that the header gave.</summary>
public sealed class ImageFuzzTests
{
    private static readonly ImageLimits Limits = ImageLimits.Default with { MaxPixels = 1 << 22 };

    private static readonly byte[][] Seeds = MakeSeeds();

    [Fact]
    public void Should_answer_when_the_bytes_are_random()
    {
        byte[][] starts =
        [
            [], [0xFF, 0xD8, 0xFF], [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0, 40, 0, 0, 0, 40, 8, 2, 0, 0, 0],
            [.. "RIFF"u8, 200, 0, 0, 0, .. "WEBPVP8 "u8], [.. "RIFF"u8, 200, 0, 0, 0, .. "WEBPVP8L"u8], [.. "II*\0"u8, 8, 0, 0, 0], [.. "MM\0*"u8, 0, 0, 0, 8], [.. "BM"u8],
        ];
        Gen.Select(Gen.OneOfConst(starts), Gen.Byte.Array[0, 2000]).Sample((start, rest) => Answers([.. start, .. rest]), iter: 4000);
    }

    [Fact]
    public void Should_answer_when_whole_files_are_mutated() =>
        Gen.Select(Gen.OneOfConst(Seeds), Gen.Select(Gen.Double.Unit, Gen.Byte, Gen.Int[0, 3]).Array[1, 12], Gen.Double.Unit)
            .Sample((seed, changes, cut) => Answers(Mutate(seed, changes, cut)), iter: 4000);

    [Fact]
    public void Should_agree_with_the_decoder_on_the_size_when_it_takes_a_file() =>
        Gen.Select(Gen.OneOfConst(Seeds), Gen.Select(Gen.Int[0, 400], Gen.Byte).Array[1, 3]).Sample(
            (seed, changes) =>
            {
                var file = (byte[])seed.Clone();
                foreach (var (at, value) in changes)
                    file[at % file.Length] = value;
                if (!ImageInspector.TryInspect(file, Limits, out var header, out _) || header.Format == ImageFormat.Tiff)
                    return;
                using var data = SKData.CreateCopy(file);
                using var codec = SKCodec.Create(data);
                if (codec is not null && ImageDecoder.TryDecode(file, Limits, out var image, out _))
                {
                    Assert.Equal((header.Width, header.Height), (codec.Info.Width, codec.Info.Height));
                    Assert.Equal((header.UprightWidth, header.UprightHeight), (image.Width, image.Height));
                }
            },
            iter: 3000);

    private static byte[] Mutate(byte[] seed, (double At, byte Value, int Kind)[] changes, double cut)
    {
        var file = new List<byte>(seed);
        foreach (var (share, value, kind) in changes)
        {
            // Half of the changes fall into the header, where they hurt.
            var at = (int)(share * Math.Min(file.Count - 1, (value & 1) == 0 ? 120 : file.Count - 1));
            switch (kind)
            {
                case 0:
                    file[at] = value;
                    break;
                case 1:
                    file[at] ^= (byte)(1 << (value & 7));
                    break;
                case 2:
                    file.Insert(at, value);
                    break;
                default:
                    file.RemoveRange(at, Math.Min(value & 15, file.Count - 1 - at));
                    break;
            }
        }

        return cut > 0.8 ? [.. file.Take((int)(file.Count * (cut - 0.8) * 5))] : [.. file];
    }

    private static void Answers(byte[] file)
    {
        var watch = Stopwatch.StartNew();
        var inspected = ImageInspector.TryInspect(file, Limits, out var header, out var refusal);
        Assert.Equal(inspected, refusal is null);
        if (ImageDecoder.TryDecode(file, Limits, out var image, out refusal))
        {
            Assert.True(inspected);
            Assert.Equal((header.UprightWidth, header.UprightHeight), (image.Width, image.Height));
        }
        else
        {
            Assert.NotEmpty(refusal.Message);
        }

        // A hang, not a speed: these files are a few kilobytes.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{watch.Elapsed} for {Convert.ToHexString(file.AsSpan(0, Math.Min(file.Length, 64)))}");
    }

    private static byte[][] MakeSeeds()
    {
        var image = TestPictures.Ramp(40, 32);
        byte[][] rows = [.. Enumerable.Range(0, 32).Select(y => image.Row(y).ToArray())];
        return
        [
            ImageEncoder.EncodeJpeg(image, 90),
            ImageEncoder.EncodeJpeg(image, 50),
            TestPictures.WithOrientation(ImageEncoder.EncodeJpeg(image, 80), 6),
            HandMadeJpeg.Flat(40, 32, [10, 20, 30, 40], 0),
            ImageEncoder.EncodePng(image),
            TestPictures.Png(40, 32, 8, 4, [.. rows.Select(row => row[..80])]),
            TestPictures.Png(40, 32, 8, 3, [.. rows.Select(_ => new byte[40])], ("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [9])),
            WebPFiles.Encode(image, lossless: true),
            WebPFiles.Encode(image, lossless: false),
            TestPictures.Bmp(image),
            new HandMadeTiff { Width = 40, Height = 32, Rows = rows, Compression = 5, RowsPerStrip = 8 }.Write(),
            new HandMadeTiff { Width = 40, Height = 32, Rows = rows, Compression = 8, Predictor = 2 }.Write(),
            new HandMadeTiff { Width = 40, Height = 32, Rows = rows, Compression = 32773, BigEndian = true, Orientation = 8 }.Write(),
        ];
    }
}
