using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;

namespace Melanoma.UnitTests.Training;

/// <summary>A small image cache of coloured squares: the colour tells the diagnosis, with noise.</summary>
internal sealed class TemporaryImages : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"melanoma-test-{Guid.NewGuid():N}.bin");

    public TemporaryImages(int size, int count, int classes)
    {
        var random = SplitMix64.At(size, count, classes);
        var pixels = new byte[count * size * size * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (image, channel) = (i / (size * size * 3), i % 3);
            pixels[i] = (byte)(((image % classes) * 37 * (channel + 1) % 200) + random.Below(50));
        }

        File.WriteAllBytes(_path, pixels);
        Cache = new ImageCache(_path, size);
        Samples = [.. Enumerable.Range(0, count).Select(i => new Sample(
            i, i % 5 == 4 ? Split.Validation : Split.Train, DiagnosisSet.Of((Diagnosis)(i % classes)), i / 2, IsVariant: i >= count * 3 / 4))];
    }

    public ImageCache Cache { get; }

    public IReadOnlyList<Sample> Samples { get; }

    public TrainingData Data => new(Cache, Samples);

    public void Dispose()
    {
        Cache.Dispose();
        File.Delete(_path);
    }
}
