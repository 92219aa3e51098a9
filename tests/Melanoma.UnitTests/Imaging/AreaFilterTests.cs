using CsCheck;
using Melanoma.Imaging;

namespace Melanoma.UnitTests.Imaging;

public sealed class AreaFilterTests
{
    [Fact]
    public void Should_stay_constant_when_the_picture_is_constant() =>
        Gen.Select(Gen.Int[1, 90], Gen.Int[1, 90], Gen.Int[1, 90], Gen.Int[1, 90], Gen.Byte)
            .Sample((width, height, newWidth, newHeight, level) =>
            {
                var result = AreaFilter.Resize(TestPictures.Flat(width, height, level, (byte)(255 - level), 255), newWidth, newHeight);
                for (var at = 0; at < result.Pixels.Length; at += 3)
                    Assert.Equal((level, (byte)(255 - level), (byte)255), (result.Pixels[at], result.Pixels[at + 1], result.Pixels[at + 2]));
            });

    [Fact]
    public void Should_be_the_identity_when_the_size_stays() =>
        Gen.Select(Gen.Int[1, 64], Gen.Int[1, 64], Gen.Int).Sample((width, height, seed) =>
        {
            var image = TestPictures.Noise(width, height, seed);
            ImageDecoderTests.AssertSame(image, AreaFilter.Resize(image, width, height));
        });

    [Fact]
    public void Should_keep_the_mean_when_a_picture_shrinks() =>
        Gen.Select(Gen.Int[40, 200], Gen.Int[40, 200], Gen.Int[16, 40], Gen.Int).Sample((width, height, side, seed) =>
        {
            var image = TestPictures.Noise(width, height, seed);
            var small = AreaFilter.Resize(image, side, side);
            // Rounding half up shifts by at most 1/2, and on noise by next to nothing.
            Assert.Equal(Mean(image), Mean(small), 0.1);
        });

    [Fact]
    public void Should_be_the_block_mean_when_the_factor_is_whole() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 12], Gen.Int[1, 7], Gen.Int[1, 7], Gen.Int).Sample((width, height, across, down, seed) =>
        {
            var image = TestPictures.Noise(width * across, height * down, seed);
            var small = AreaFilter.Resize(image, width, height);
            for (var y = 0; y < height; y++)
            {
                for (var i = 0; i < width * 3; i++)
                {
                    var sum = 0;
                    for (var dy = 0; dy < down; dy++)
                    {
                        for (var dx = 0; dx < across; dx++)
                            sum += image.Row((y * down) + dy)[(((i / 3 * across) + dx) * 3) + (i % 3)];
                    }

                    Assert.Equal(((2 * sum) + (across * down)) / (2 * across * down), small.Row(y)[i]);
                }
            }
        });

    [Fact]
    public void Should_be_the_exact_area_when_the_factor_is_broken() =>
        Gen.Select(Gen.Int[2, 40], Gen.Int[1, 40], Gen.Int).Where(t => t.Item2 <= t.Item1).Sample((from, to, seed) =>
        {
            var image = TestPictures.Noise(from, 1, seed);
            var small = AreaFilter.Resize(image, to, 1);
            for (var i = 0; i < to; i++)
            {
                // Cut every pixel into so many parts that output borders fall between them.
                var sum = 0L;
                for (var part = i * from; part < (i + 1) * from; part++)
                    sum += image.Pixels[part / to * 3];
                Assert.Equal(((2 * sum) + from) / (2 * from), small.Pixels[3 * i]);
            }
        });

    [Fact]
    public void Should_round_the_exact_quotient_when_numbers_are_small_or_large() =>
        // One in six of the divisors, width x 2 height, lies above 2^23 and takes the way of 64 bits.
        Gen.Select(Gen.Int[1, 1500], Gen.Int[1, 40], Gen.Int[1, 24], Gen.OneOf(Gen.Int[1, 64], Gen.Int[3900, 4096]), Gen.Int).Sample(
            (width, height, newWidth, newHeight, seed) =>
            {
                var image = TestPictures.Noise(width, height, seed);
                var result = AreaFilter.Resize(image, newWidth, newHeight);
                var (acrossTotal, downTotal) = (Shares(width, newWidth, 0).Sum(), Shares(height, newHeight, 0).Sum());
                for (var i = 0; i < 8; i++)
                {
                    // Corners and places within.
                    var (x, y) = (i % 2 == 0 ? newWidth - 1 : (seed >>> 8) % newWidth, i / 2 % 2 == 0 ? newHeight - 1 : (seed >>> (i + 3)) % newHeight);
                    var (across, down) = (Shares(width, newWidth, x), Shares(height, newHeight, y));
                    for (var channel = 0; channel < 3; channel++)
                    {
                        var sum = 0L;
                        for (var row = 0; row < height; row++)
                        {
                            for (var column = 0; down[row] > 0 && column < width; column++)
                                sum += across[column] * down[row] * image.Row(row)[(3 * column) + channel];
                        }

                        Assert.Equal(((2 * sum) + (acrossTotal * downTotal)) / (2 * acrossTotal * downTotal), result.Row(y)[(3 * x) + channel]);
                    }
                }
            },
            iter: 300);

    [Fact]
    public void Should_interpolate_between_centres_when_a_picture_grows()
    {
        var image = new RgbImage(2, 1, [0, 0, 0, 200, 100, 40]);
        var large = AreaFilter.Resize(image, 4, 1);
        Assert.Equal<byte>([0, 0, 0, 50, 25, 10, 150, 75, 30, 200, 100, 40], large.Pixels.ToArray());
    }

    [Fact]
    public void Should_commute_with_mirroring_when_any_size_is_asked() =>
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int).Sample((width, height, side, seed) =>
        {
            var image = TestPictures.Noise(width, height, seed);
            ImageDecoderTests.AssertSame(Mirrored(AreaFilter.Resize(image, side, side)), AreaFilter.Resize(Mirrored(image), side, side));
        });

    [Fact]
    public void Should_pass_over_the_fourth_byte_when_pixels_have_one() =>
        // Pixels of four bytes have a way of their own where the processor can.
        Gen.Select(Gen.Int[1, 150], Gen.Int[1, 150], Gen.Int[1, 100], Gen.Int[1, 100], Gen.Int).Sample((width, height, newWidth, newHeight, seed) =>
        {
            var image = TestPictures.Noise(width, height, seed);
            var wide = new byte[width * height * 4];
            new Random(seed).NextBytes(wide);
            for (var i = 0; i < width * height; i++)
                image.Pixels.Slice(3 * i, 3).CopyTo(wide.AsSpan(4 * i));
            var result = new byte[newWidth * newHeight * 3];
            AreaFilter.Resize(wide, width, height, 4, result, newWidth, newHeight);
            Assert.True(AreaFilter.Resize(image, newWidth, newHeight).Pixels.SequenceEqual(result));
        });

    [Fact]
    public void Should_not_overflow_when_a_side_is_as_long_as_can_be()
    {
        var result = AreaFilter.Resize(TestPictures.Flat(65_535, 16, 255, 254, 1), 7, 4096);
        Assert.Equal<byte>([255, 254, 1], result.Row(4095)[^3..].ToArray());
        result = AreaFilter.Resize(TestPictures.Flat(16, 65_535, 255, 254, 1), 4096, 3);
        Assert.Equal<byte>([255, 254, 1], result.Row(2)[^3..].ToArray());

        var (white, square) = (new byte[65_535 * 127 * 4], new byte[4094 * 3]);
        white.AsSpan().Fill(255);
        AreaFilter.Resize(white, 65_535, 127, 4, square, 4094, 1);
        Assert.All(square, level => Assert.Equal(255, level));
        AreaFilter.Resize(white.AsSpan(0, 1024 * 8 * 4), 1024, 8, 4, square, 4094, 1);
        Assert.All(square, level => Assert.Equal(255, level));
    }

    // By the definition: what share of the output each input position has, as whole numbers.
    private static long[] Shares(int from, int to, int output)
    {
        var shares = new long[from];
        for (var input = 0; input < from; input++)
        {
            if (to <= from)
            {
                shares[input] = Math.Max(0, Math.Min((output + 1) * from, (input + 1) * to) - Math.Max(output * from, input * to));
            }
            else
            {
                var centre = Math.Clamp((((2 * output) + 1) * from) - to, 0, 2 * to * (from - 1));
                shares[input] = Math.Max(0, (2 * to) - Math.Abs(centre - (2 * to * input)));
            }
        }

        return shares;
    }

    private static double Mean(RgbImage image)
    {
        long sum = 0;
        foreach (var value in image.Pixels)
            sum += value;
        return sum / (double)image.Pixels.Length;
    }

    private static RgbImage Mirrored(RgbImage image)
    {
        var result = new RgbImage(image.Width, image.Height);
        Orientation.Apply(image.Pixels, image.Width, image.Height, 3, 2, result.Pixels);
        return result;
    }
}
