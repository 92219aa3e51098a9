using CsCheck;
using Melanoma.Imaging;

namespace Melanoma.UnitTests.Imaging;

public sealed class ImageRotationTests
{
    [Fact]
    public void Should_be_the_identity_when_the_angle_is_nothing_or_a_whole_turn() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[1, 50], Gen.Int, Gen.Enum<EdgeFill>()).Sample((width, height, seed, fill) =>
        {
            var image = TestPictures.Noise(width, height, seed);
            foreach (var angle in new[] { 0.0, 360, -360 })
                ImageDecoderTests.AssertSame(image, ImageRotation.Rotate(image, angle, fill));
        });

    [Theory]
    [InlineData(90, 8)]
    [InlineData(-90, 6)]
    [InlineData(180, 3)]
    [InlineData(270, 6)]
    public void Should_move_pixels_exactly_when_a_square_is_turned_by_quarters(double degrees, int orientation)
    {
        var image = TestPictures.Noise(31, 31, 4);
        var expected = new RgbImage(31, 31);
        Orientation.Apply(image.Pixels, 31, 31, 3, orientation, expected.Pixels);
        ImageDecoderTests.AssertSame(expected, ImageRotation.Rotate(image, degrees));
    }

    [Fact]
    public void Should_stay_constant_when_the_picture_is_constant() =>
        Gen.Select(Gen.Double[-360, 360], Gen.Double[0.1, 10], Gen.Enum<EdgeFill>(), Gen.Byte).Sample((degrees, zoom, fill, level) =>
        {
            var image = TestPictures.Flat(33, 21, level, level, level);
            ImageDecoderTests.AssertSame(image, ImageRotation.Rotate(image, degrees, fill, zoom));
        });

    [Fact]
    public void Should_show_no_filled_corner_when_zoomed_as_advised() =>
        Gen.Select(Gen.Int[30, 80], Gen.Int[30, 80], Gen.Double[-10, 10]).Sample((width, height, degrees) =>
        {
            // The fill repeats the black rim: only what lies inside is grey.
            var image = TestPictures.Flat(width, height, 0, 0, 0);
            for (var y = 1; y < height - 1; y++)
                image.Row(y)[3..^3].Fill(200);
            var zoom = ImageRotation.ZoomWithoutCorners(width, height, degrees) * (1 + (6.0 / Math.Min(width, height)));
            var turned = ImageRotation.Rotate(image, degrees, EdgeFill.Nearest, zoom);
            Assert.All(turned.Pixels.ToArray(), value => Assert.Equal(200, value));
        });

    [Fact]
    public void Should_give_known_bytes_when_run_on_any_machine()
    {
        var turned = ImageRotation.Rotate(TestPictures.Ramp(64, 48), 7.3, EdgeFill.Reflect);
        Assert.Equal(KnownHash, ImageFingerprint.Sha256Hex(turned.Pixels));
    }

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(361, 1)]
    [InlineData(10, 0)]
    [InlineData(10, double.NaN)]
    public void Should_throw_when_angle_or_magnification_is_out_of_range(double degrees, double zoom) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageRotation.Rotate(TestPictures.Ramp(20, 20), degrees, EdgeFill.Reflect, zoom));

    private const string KnownHash = "07072d299b33031124ad4cac7bb172caa5c9ba70ff154fc81df0d063a8942a37";
}
