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
            var image = TestPictures.Noise(PictureSignature.SourceSide, PictureSignature.SourceSide, seed);
            var cells = PictureSignature.Compute(image, 640, 480).ToBytes().AsSpan(HeaderLength);
            for (var row = 0; row < Side; row++)
            {
                for (var column = 0; column < Side; column++)
                {
                    // Fifths of pixels lie wholly in one cell.
                    long sum = 0;
                    for (var y = row * 16; y < (row + 1) * 16; y++)
                    {
                        for (var x = column * 16; x < (column + 1) * 16; x++)
                        {
                            var pixel = image.Row(y / 5).Slice(x / 5 * 3, 3);
                            sum += (77 * pixel[0]) + (150 * pixel[1]) + (29 * pixel[2]);
                        }
                    }

                    Assert.Equal((sum + (128 * 256)) / (256 * 256), cells[(row * Side) + column]);
                }
            }
        }, iter: 5);

    [Fact]
    public void Should_read_what_it_wrote_when_the_bytes_are_whole() =>
        Gen.Select(Gen.Int, Gen.Int[1, int.MaxValue], Gen.Int[1, int.MaxValue]).Sample((seed, width, height) =>
        {
            var bytes = PictureSignature.Compute(TestPictures.Noise(PictureSignature.SourceSide, PictureSignature.SourceSide, seed), width, height).ToBytes();
            Assert.Equal(PictureSignature.ByteCount, bytes.Length);
            Assert.True(PictureSignature.TryRead(bytes, out var read));
            Assert.Equal((width, height), (read.Width, read.Height));
            Assert.Equal(bytes, read.ToBytes());
        }, iter: 20);

    [Fact]
    public void Should_refuse_without_an_exception_when_the_bytes_are_malformed()
    {
        var whole = PictureSignature.Compute(TestPictures.Noise(PictureSignature.SourceSide, PictureSignature.SourceSide, 1), 4, 3).ToBytes();
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
        Assert.Throws<ArgumentException>(() => PictureSignature.Compute(TestPictures.Noise(PictureSignature.SourceSide - 1, PictureSignature.SourceSide, 1), 4, 3));

    // Stored signatures and keys are compared with new ones for years.
    [Fact]
    public void Should_give_the_same_bytes_for_ever_when_the_version_stays()
    {
        var signature = PictureSignature.Compute(TestPictures.Ramp(PictureSignature.SourceSide, PictureSignature.SourceSide), 600, 450);
        Assert.Equal("d2d658997f25e6c83c6bf1349d6a0581921f2a1727bfd392bd0cabb997f98756", ImageFingerprint.Sha256Hex(signature.ToBytes()));
        Assert.Equal("b3078628b204e0ab1d654057beca1a3d2d9c2ca1134278a9e6e35a8c35453ac4", ImageFingerprint.Sha256Hex(NearDuplicateIndex.KeysOf(signature)));
    }
}
