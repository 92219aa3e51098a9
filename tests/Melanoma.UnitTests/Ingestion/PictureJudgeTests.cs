using System.IO.Compression;
using Melanoma.Imaging;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Samples;
using Microsoft.Extensions.Options;

namespace Melanoma.UnitTests.Ingestion;

public sealed class PictureJudgeTests
{
    [Fact]
    public async Task Should_hash_as_the_whole_picture_when_decoded_small()
    {
        using var judge = new PictureJudge(Options.Create(new DeliveryOptions()));
        var bytes = SyntheticLesions.DrawPng(3, 1, 100);
        Assert.True(ImageDecoder.TryDecode(bytes, ImageLimits.Default, out var whole, out _));

        var (picture, refusal) = await judge.JudgeAsync(bytes, TestContext.Current.CancellationToken);

        Assert.Null(refusal);
        Assert.Equal(new Picture("image/png", 100, 100, (long)ImageFingerprint.PerceptualHash(whole)), picture);
    }

    [Fact]
    public async Task Should_refuse_when_the_end_is_missing()
    {
        using var judge = new PictureJudge(Options.Create(new DeliveryOptions()));
        var bytes = SyntheticLesions.DrawJpeg(3, 1, 100);

        var (_, refusal) = await judge.JudgeAsync(bytes[..(bytes.Length / 2)], TestContext.Current.CancellationToken);

        Assert.Equal(RefusalKinds.Truncated, refusal?.Kind);
    }

    [Fact]
    public void Should_give_the_checksum_of_the_standard_when_asked() => Assert.Equal(0xCBF43926u, Crc32.Append(0, "123456789"u8));

    [Fact]
    public void Should_give_the_checksum_of_the_archive_when_bytes_are_many()
    {
        var bytes = new byte[100_003];
        new Random(1).NextBytes(bytes);
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var entry = archive.CreateEntry("a").Open();
            entry.Write(bytes);
        }

        using var read = new ZipArchive(file, ZipArchiveMode.Read);
        Assert.Equal(read.Entries[0].Crc32, Crc32.Append(0, bytes));
    }
}
