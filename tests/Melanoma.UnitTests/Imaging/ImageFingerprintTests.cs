using Melanoma.Imaging;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Imaging;

public sealed class ImageFingerprintTests
{
    [Fact]
    public void Should_be_the_published_hash_when_the_bytes_are_abc()
    {
        const string Published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        Assert.Equal(Published, ImageFingerprint.Sha256Hex("abc"u8));
        Assert.Equal(Published, Convert.ToHexStringLower(ImageFingerprint.Sha256("abc"u8)));
    }

    [Fact]
    public void Should_be_near_when_a_picture_is_rescaled_or_recompressed_and_far_when_it_is_another()
    {
        var hashes = new List<ulong>();
        for (var diagnosis = 0; diagnosis < 9; diagnosis++)
        {
            var image = SyntheticLesions.Draw(diagnosis, 3);
            var hash = ImageFingerprint.PerceptualHash(image);
            var small = ImageFingerprint.PerceptualHash(AreaFilter.Resize(image, 144, 144));
            var coarse = ImageFingerprint.PerceptualHash(ImageDecoderTests.Decode(ImageEncoder.EncodeJpeg(image, 60)));
            Assert.True(ImageFingerprint.Distance(hash, small) <= 4, $"{diagnosis}: {ImageFingerprint.Distance(hash, small)}");
            Assert.True(ImageFingerprint.Distance(hash, coarse) <= 6, $"{diagnosis}: {ImageFingerprint.Distance(hash, coarse)}");
            Assert.All(hashes, other => Assert.True(ImageFingerprint.Distance(hash, other) > 8));
            hashes.Add(hash);
        }
    }
}
