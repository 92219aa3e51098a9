using CsCheck;
using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.UnitTests.Imaging.NearDuplicates;

public sealed class PictureSignatureTests
{
    private const int HeaderLength = 12;

    [Fact]
    public void Should_hold_the_exact_mean_brightness_of_every_cell_when_computed() =>
        Gen.Int.Sample(seed =>
        {
            const int Side = PictureSignature.Side;
            var image = TestPictures.Noise(256, 256, seed);
            var cells = PictureSignature.Compute(image, 640, 480).ToBytes().AsSpan(HeaderLength);
            for (var row = 0; row < Side; row++)
            {
                for (var column = 0; column < Side; column++)
                {
                    // Fifths of pixels lie wholly in one cell.
                    long sum = 0;
                    for (var y = row * 32; y < (row + 1) * 32; y++)
                    {
                        for (var x = column * 32; x < (column + 1) * 32; x++)
                        {
                            var pixel = image.Row(y / 5).Slice(x / 5 * 3, 3);
                            sum += (77 * pixel[0]) + (150 * pixel[1]) + (29 * pixel[2]);
                        }
                    }

                    Assert.Equal((sum + (128 * 1024)) / (256 * 1024), cells[(row * Side) + column]);
                }
            }
        }, iter: 5);

    [Fact]
    public void Should_read_what_it_wrote_when_the_bytes_are_whole() =>
        Gen.Select(Gen.Int, Gen.Int[1, int.MaxValue], Gen.Int[1, int.MaxValue]).Sample((seed, width, height) =>
        {
            var bytes = PictureSignature.Compute(TestPictures.Noise(256, 256, seed), width, height).ToBytes();
            Assert.Equal(PictureSignature.ByteCount, bytes.Length);
            Assert.True(PictureSignature.TryRead(bytes, out var read));
            Assert.Equal((width, height), (read.Width, read.Height));
            Assert.Equal(bytes, read.ToBytes());
        }, iter: 20);

    [Fact]
    public void Should_refuse_without_an_exception_when_the_bytes_are_malformed()
    {
        var whole = PictureSignature.Compute(TestPictures.Noise(256, 256, 1), 4, 3).ToBytes();
        Gen.Byte.Array[0, 2 * PictureSignature.ByteCount].Sample(bytes => Assert.False(PictureSignature.TryRead(bytes, out _)), iter: 500);
        Gen.Int[0, whole.Length - 1].Sample(length => Assert.False(PictureSignature.TryRead(whole.AsSpan(0, length), out _)));
        Gen.Select(Gen.Int[0, 3], Gen.Byte[1, 255]).Sample((at, change) =>
        {
            var other = (byte[])whole.Clone();
            other[at] ^= change;
            Assert.False(PictureSignature.TryRead(other, out _));
        });
        foreach (var at in (int[])[4, 8])
        {
            var empty = (byte[])whole.Clone();
            empty.AsSpan(at, 4).Clear();
            Assert.False(PictureSignature.TryRead(empty, out _));
            empty.AsSpan(at, 4).Fill(0xFF);
            Assert.False(PictureSignature.TryRead(empty, out _));
        }
    }

    [Fact]
    public void Should_refuse_when_the_picture_has_another_size() =>
        Assert.Throws<ArgumentException>(() => PictureSignature.Compute(TestPictures.Noise(255, 256, 1), 4, 3));

    // Stored signatures and keys are compared with new ones for years.
    [Fact]
    public void Should_give_the_same_bytes_for_ever_when_the_version_stays()
    {
        var signature = PictureSignature.Compute(TestPictures.Ramp(256, 256), 600, 450);
        Assert.Equal("bf70577901d21953e3daa2460ed56eba1e49604b65fe890d70fe34a9b93b0398", ImageFingerprint.Sha256Hex(signature.ToBytes()));
        Assert.Equal("39c6fb9ee92d8c0ed0e103940e63701bcf49d7f48e991f6fd9b79b4818e89d8a", ImageFingerprint.Sha256Hex(NearDuplicateIndex.KeysOf(signature)));
    }
}
