using Melanoma.Imaging;

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
}
