using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Samples;

namespace Melanoma.UnitTests.Imaging;

public sealed class SyntheticLesionsTests
{
    [Fact]
    public void Should_draw_the_same_bytes_when_asked_twice_and_others_when_the_seed_or_view_differs()
    {
        var first = SyntheticLesions.DrawJpeg(3, 7, 64);
        Assert.Equal(first, SyntheticLesions.DrawJpeg(3, 7, 64));
        Assert.NotEqual(first, SyntheticLesions.DrawJpeg(3, 8, 64));
        Assert.NotEqual(first, SyntheticLesions.DrawJpeg(4, 7, 64));
        Assert.NotEqual(first, SyntheticLesions.DrawJpeg(3, 7, 64, view: 1));
        ImageDecoderTests.AssertSame(SyntheticLesions.Draw(3, 7, 64), ImageDecoderTests.Decode(SyntheticLesions.DrawPng(3, 7, 64)));
    }

    [Fact]
    public async Task Should_write_a_delivery_when_given_a_folder()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"melanoma-{Guid.NewGuid():N}");
        try
        {
            var written = await SyntheticLesions.WriteAsync(folder, 8, 3, 32, seed: 2, cancellationToken: TestContext.Current.CancellationToken);

            Assert.Equal(9 * 11, written.Count);
            Assert.Equal(written.Select(p => p.Path).Order(), Directory.EnumerateFiles(folder, "*.jpg", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(folder, p)).Order());
            Assert.All(written, p => Assert.Matches(@"^(Train|Test)/[a-z ]+/ISIC_902\d{4}(_2)?\.jpg$", p.Path));
            Assert.All(written, p => Assert.True(ImageInspector.TryInspect(File.ReadAllBytes(Path.Combine(folder, p.Path)), ImageLimits.Default, out _, out _)));
            foreach (var diagnosis in Diagnoses.Names)
            {
                Assert.Equal(8, written.Count(p => p.Path.StartsWith($"Train/{diagnosis}/", StringComparison.Ordinal)));
                Assert.Equal(3, written.Count(p => p.Path.StartsWith($"Test/{diagnosis}/", StringComparison.Ordinal)));
            }

            Assert.Contains(written, p => p.Path.EndsWith("_2.jpg", StringComparison.Ordinal));
            Assert.All(written.GroupBy(p => p.LesionId), lesion => Assert.Single(lesion.Select(p => (p.IsicId, p.Path.Split('/')[0], p.Diagnosis)).Distinct()));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
