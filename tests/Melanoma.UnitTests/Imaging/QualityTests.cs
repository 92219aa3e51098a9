using CsCheck;
using Melanoma.Imaging;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Imaging;

public sealed class QualityTests
{
    private const int Side = PictureMeasures.Side;

    private static readonly ImageHeader Header = new(ImageFormat.Png, 600, 450, 3, 8);

    [Fact]
    public void Should_flag_nothing_when_pictures_look_like_dermoscopy()
    {
        for (var diagnosis = 0; diagnosis < 9; diagnosis++)
            Assert.Equal(QualityFlags.None, Measure(SyntheticLesions.Draw(diagnosis, 5)).Flags);
    }

    [Theory]
    [InlineData(QualityFlags.Blurred)]
    [InlineData(QualityFlags.Underexposed)]
    [InlineData(QualityFlags.Overexposed)]
    public void Should_flag_it_when_a_picture_is_spoilt(QualityFlags expected)
    {
        for (var diagnosis = 0; diagnosis < 9; diagnosis++)
        {
            var image = SyntheticLesions.Draw(diagnosis, 5);
            var spoilt = expected switch
            {
                QualityFlags.Blurred => AreaFilter.Resize(AreaFilter.Resize(image, 32, 32), image.Width, image.Height),
                QualityFlags.Underexposed => Map(image, level => 0.4 * level),
                _ => Map(image, level => 4 * level),
            };
            Assert.True(Measure(spoilt).Flags.HasFlag(expected), $"{diagnosis}: {Measure(spoilt)}");
        }
    }

    [Fact]
    public void Should_flag_what_is_no_dermoscopy_when_it_is_a_document_a_screen_a_texture_or_a_landscape()
    {
        var random = new Random(1);
        RgbImage[] pictures =
        [
            Paint((x, y) => y % 6 < 3 && (x / 2 * 7919 + y / 6 * 104729) % 5 > 1 && x is > 10 and < 115 ? (30, 30, 30) : (255, 255, 255)),
            Paint((x, y) => y < 10 ? (40, 70, 140) : x < 30 ? (220, 222, 226) : y % 12 < 1 ? (120, 120, 125) : (246, 246, 248)),
            Paint((x, y) => ((x / 8) + (y / 8)) % 2 == 0 ? (120, 90, 60) : (190, 180, 165)),
            Paint((x, y) => y < 55 + (10 * Math.Sin(x / 15.0)) ? (120 + y, 170 + (2 * y / 3), 235) : (50 + random.Next(60), 110 + random.Next(60), 40)),
            TestPictures.Noise(Side, Side, 1),
        ];
        Assert.All(pictures, picture => Assert.True(Measure(picture).Flags.HasFlag(QualityFlags.NotDermoscopic), $"{Measure(picture)}"));
    }

    [Fact]
    public void Should_flag_blank_pictures_when_their_colour_is_any() => Gen.Select(Gen.Byte, Gen.Byte, Gen.Byte).Sample((red, green, blue) =>
    {
        var quality = Measure(TestPictures.Flat(Side, Side, red, green, blue));
        return quality.Flags.HasFlag(QualityFlags.Blank | QualityFlags.Blurred) && quality is { BlankShare: 1, Sharpness: 0 };
    });

    [Fact]
    public void Should_measure_the_same_when_a_picture_is_mirrored_or_turned() => Gen.Int[0, 8].Sample(
        diagnosis =>
        {
            var square = Square(SyntheticLesions.Draw(diagnosis, 2));
            var (one, other) = (PictureMeasures.Of(square, Header, []), PictureMeasures.Of(Turned(square), Header, []));
            Assert.Equal(one.Properties, other.Properties);
            Assert.Equal(one.Quality with { Likeness = 0 }, other.Quality with { Likeness = 0 });
        },
        iter: 9);

    [Fact]
    public void Should_keep_the_sharpness_when_the_stored_size_changes()
    {
        for (var diagnosis = 0; diagnosis < 9; diagnosis++)
        {
            var image = SyntheticLesions.Draw(diagnosis, 5, 512);
            var full = Measure(image).Sharpness;
            foreach (var side in (int[])[180, 256, 384])
            {
                var small = Measure(AreaFilter.Resize(image, side, side));
                Assert.InRange(small.Sharpness / full, 0.4, 1.1);
                Assert.False(small.Flags.HasFlag(QualityFlags.Blurred));
            }
        }
    }

    [Fact]
    public void Should_say_why_when_flags_are_set()
    {
        var square = TestPictures.Flat(Side, Side, 0, 0, 0);
        var quality = PictureMeasures.Of(square, Header with { Width = 100, Height = 90 }, []).Quality;

        var findings = QualityFinding.Of(quality, 100, 90);

        Assert.Equal(quality.Flags, findings.Aggregate(QualityFlags.None, (flags, finding) => flags | finding.Flag));
        Assert.Equal(
            [
                "Too small: 100 x 90 pixels; the shorter side should have 128 or more.",
                "Blurred: sharpness 0.00; 0.90 or more is expected.",
                "Under-exposed: nine tenths of it are below 0 % brightness; 50 % or more is expected.",
                "Mostly blank: 100 % of it shows nothing; at most 50 % is expected.",
                "Not like dermoscopy in colours, edges and structure: likeness 0.00; 0.20 or more is expected.",
            ],
            findings.Select(finding => finding.Sentence));
    }

    [Fact]
    public void Should_refuse_to_measure_when_the_square_has_another_size() =>
        Assert.Throws<ArgumentException>(() => PictureMeasures.Of(new RgbImage(Side - 1, Side), Header, []));

    [Fact]
    public void Should_see_the_frame_when_corners_or_sides_are_black()
    {
        var skin = Map(SyntheticLesions.Draw(4, 1), level => level);
        var round = Square(skin);
        var bars = Square(skin);
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                if (Math.Pow(x - 63.5, 2) + Math.Pow(y - 63.5, 2) > 64 * 64)
                    round.Row(y).Slice(3 * x, 3).Clear();
                if (y is < 15 or > 112)
                    bars.Row(y).Slice(3 * x, 3).Clear();
            }
        }

        ImageProperties Border(RgbImage square) => PictureMeasures.Of(square, Header, []).Properties;
        var (plain, tube, letterbox) = (Border(Square(skin)), Border(round), Border(bars));
        Assert.Equal((0, 0), (plain.DarkCorners, plain.DarkSides));
        Assert.InRange(plain.CornerBrightness, 0.75, 1.1);
        Assert.InRange(tube.DarkCorners, 0.97, 1);
        Assert.InRange(tube.DarkSides, 0, 0.16);
        Assert.True(tube.CornerBrightness < plain.CornerBrightness);
        Assert.Equal(0.5, letterbox.DarkSides, 0.05);
    }

    private static ImageQuality Measure(RgbImage image) => PictureMeasures.Of(Square(image), Header, []).Quality;

    private static RgbImage Square(RgbImage image) => AreaFilter.Resize(image, Side, Side);

    private static RgbImage Map(RgbImage image, Func<double, double> change)
    {
        var result = new RgbImage(image.Width, image.Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            result.Pixels[i] = (byte)Math.Clamp(change(image.Pixels[i]), 0, 255);
        return result;
    }

    private static RgbImage Turned(RgbImage image)
    {
        var result = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
                image.Row(y).Slice(3 * x, 3).CopyTo(result.Row(image.Height - 1 - y)[(3 * (image.Width - 1 - x))..]);
        }

        return result;
    }

    private static RgbImage Paint(Func<int, int, (double Red, double Green, double Blue)> colour)
    {
        var image = new RgbImage(Side, Side);
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                var (red, green, blue) = colour(x, y);
                (image.Row(y)[3 * x], image.Row(y)[(3 * x) + 1], image.Row(y)[(3 * x) + 2]) = ((byte)red, (byte)green, (byte)blue);
            }
        }

        return image;
    }
}
