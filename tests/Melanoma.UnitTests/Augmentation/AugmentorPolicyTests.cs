using Melanoma.Augmentation.Policies;
using Melanoma.Imaging;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Augmentation;

public sealed class AugmentorPolicyTests
{
    [Fact]
    public void Should_turn_seven_in_ten_by_at_most_ten_degrees_either_way_when_drawn_often()
    {
        const int draws = 20_000;
        var degrees = Enumerable.Range(0, draws).Select(ordinal =>
        {
            var random = VariantRandom.ForVariant(AugmentorPolicy.Name, 1, ordinal);
            return AugmentorPolicy.DrawDegrees(ref random);
        }).ToArray();

        Assert.Equal(-10, degrees.Min());
        Assert.Equal(10, degrees.Max());

        // A turn by zero degrees counts as a turn: 1 - 0.7 * 10 / 11 stay as they are.
        Assert.Equal(1 - (0.7 * 10 / 11), degrees.Count(angle => angle == 0) / (double)draws, 0.02);
        Assert.All(Enumerable.Range(1, 10), angle =>
        {
            Assert.Equal(0.35 / 11, degrees.Count(drawn => drawn == angle) / (double)draws, 0.006);
            Assert.Equal(0.35 / 11, degrees.Count(drawn => drawn == -angle) / (double)draws, 0.006);
        });
    }

    [Theory]
    [InlineData(180, 180, 10, 150, 146)]
    [InlineData(180, 180, 5, 164, 164)]
    [InlineData(180, 180, 1, 178, 178)]
    [InlineData(600, 450, -10, 518, 338)]
    [InlineData(450, 600, 10, 346, 512)]
    [InlineData(1024, 683, 7, 936, 553)]
    public void Should_cut_the_rectangle_of_the_library_when_a_picture_is_turned(int width, int height, int degrees, int cutWidth, int cutHeight) =>
        Assert.Equal((cutWidth, cutHeight), AugmentorPolicy.CutSize(width, height, degrees));

    [Fact]
    public void Should_keep_size_and_content_and_show_no_empty_corner_when_turned()
    {
        var bright = new RgbImage(60, 44);
        bright.Pixels.Fill(200);
        foreach (var degrees in Enumerable.Range(-10, 21).Where(angle => angle != 0))
        {
            var turned = Decode(AugmentorPolicy.Turn(bright, degrees));
            Assert.Equal((60, 44), (turned.Width, turned.Height));
            Assert.False(turned.Pixels.ContainsAnyExcept((byte)200));
        }
    }

    [Theory]
    [InlineData(4000, 16)]
    [InlineData(16, 4000)]
    public void Should_leave_something_when_a_long_strip_is_turned(int width, int height)
    {
        var strip = AugmentorPolicy.Decode(ImageEncoder.EncodePng(new RgbImage(width, height)));
        Assert.NotEmpty(AugmentorPolicy.Turn(strip, 10));
    }

    [Fact]
    public void Should_put_a_turned_mark_where_the_library_puts_it_when_turned_counter_clockwise()
    {
        // A mark right of the centre goes up by sin(10 degrees) of its distance, enlarged as the cut is.
        var marked = new RgbImage(181, 181);
        marked.Pixels[(((90 * 181) + 150) * 3)..][..3].Fill(255);
        marked.Pixels[(((90 * 181) + 151) * 3)..][..3].Fill(255);
        marked.Pixels[(((91 * 181) + 150) * 3)..][..3].Fill(255);
        marked.Pixels[(((91 * 181) + 151) * 3)..][..3].Fill(255);
        var turned = Decode(AugmentorPolicy.Turn(marked, 10));
        var (cutWidth, cutHeight) = AugmentorPolicy.CutSize(181, 181, 10);
        var expectedX = 90 + ((60.5 * Math.Cos(Math.PI / 18)) + (0.5 * Math.Sin(Math.PI / 18))) * 181 / cutWidth;
        var expectedY = 90 - ((60.5 * Math.Sin(Math.PI / 18)) - (0.5 * Math.Cos(Math.PI / 18))) * 181 / cutHeight;

        double sum = 0, x = 0, y = 0;
        for (var at = 0; at < 181 * 181; at++)
        {
            double weight = turned.Pixels[3 * at];
            sum += weight;
            x += weight * (at % 181);
            y += weight * (at / 181);
        }

        Assert.Equal(expectedX, x / sum, 0.1);
        Assert.Equal(expectedY, y / sum, 0.1);
    }

    [Fact]
    public void Should_bring_a_large_parent_to_1024_pixels_when_it_is_decoded()
    {
        var parent = AugmentorPolicy.Decode(SyntheticLesions.DrawJpeg(3, seed: 1, size: 1500));
        Assert.Equal((1024, 1024), (parent.Width, parent.Height));
    }

    [Fact]
    public void Should_say_so_when_the_bytes_are_no_picture()
    {
        var failure = Assert.Throws<UnusableParentException>(() => AugmentorPolicy.Decode("not a picture"u8.ToArray()));
        Assert.Contains("cannot be decoded", failure.Message, StringComparison.Ordinal);
    }

    private static RgbImage Decode(byte[] bytes)
    {
        Assert.True(ImageDecoder.TryDecode(bytes, ImageLimits.Default, out var image, out _));
        return image;
    }
}
