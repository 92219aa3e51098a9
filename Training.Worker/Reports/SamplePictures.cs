using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;
using static TorchSharp.torch;

namespace Melanoma.Training.Reports;

/// <summary>A training picture as a report shows it.</summary>
/// <param name="Original">Place in the dataset of the picture that it is or was made of.</param>
/// <param name="Label">What the dataset says it shows.</param>
/// <param name="IsAugmented">Whether augmentation changed it.</param>
/// <param name="Jpeg">At most 96 pixels a side.</param>
internal sealed record SamplePicture(int Original, DiagnosisSet Label, bool IsAugmented, byte[] Jpeg);

/// <summary>One training picture of each class, and what the network saw of it: stored variants, and the recipe's online augmentation.</summary>
internal static class SamplePictures
{
    private const int AugmentedOfEach = 6;
    private const int Side = 96;
    private const int JpegQuality = 80;

    /// <summary>For each supported diagnosis with a training picture, in their order, the picture and six augmented ones of it; only the picture where nothing augments.</summary>
    /// <param name="seed">Of the online augmentation.</param>
    public static IReadOnlyList<SamplePicture> Make(TrainingRecipe recipe, TrainingData data, long seed)
    {
        var pictures = new List<SamplePicture>();
        foreach (var original in OneOfEach(data))
        {
            pictures.Add(new SamplePicture(original.Image, original.Label, IsAugmented: false, Encode(data.Images[original.Image], data.Images.Size)));
            pictures.AddRange(Augmented(recipe, data, original, seed).Select(jpeg => new SamplePicture(original.Image, original.Label, IsAugmented: true, jpeg)));
        }

        return pictures;
    }

    /// <summary>The first of each diagnosis; where all its labels are coarse, the first that may be one.</summary>
    private static IEnumerable<Sample> OneOfEach(TrainingData data)
    {
        var originals = data.Train.Where(sample => !sample.IsVariant).ToArray();
        return Enumerable.Range(0, Diagnoses.Count).Where(index => data.Supported[index]).Select(index => (Diagnosis)index)
            .SelectMany(diagnosis => originals.Where(sample => sample.Label.Contains(diagnosis)).OrderBy(sample => sample.Label.Count).Take(1))
            .DistinctBy(sample => sample.Image);
    }

    private static IEnumerable<byte[]> Augmented(TrainingRecipe recipe, TrainingData data, Sample original, long seed)
    {
        // The network's input is the original or a variant of it, and then the online layers change that.
        int[] sources = [.. data.Train.Where(sample => sample.Parent == original.Image).Select(sample => sample.Image).Take(AugmentedOfEach)];
        if (recipe.OnlineAugmentation.IsEmpty)
        {
            return sources.Select(source => Encode(data.Images[source], data.Images.Size));
        }

        sources = sources.Length == 0 ? [original.Image] : sources;
        return Online(recipe, data.Images, [.. Enumerable.Range(0, AugmentedOfEach).Select(i => sources[i % sources.Length])], SplitMix64.At(seed, original.Image));
    }

    private static List<byte[]> Online(TrainingRecipe recipe, ImageCache cache, int[] sources, SplitMix64 random)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        using var pixels = new Loop.PixelSource(cache, CPU, residentBytes: 0);
        manual_seed((long)(random.Next() >> 1));
        var images = pixels.Batch(sources);
        foreach (var layer in recipe.OnlineAugmentation)
        {
            images = layer.At(cache.Size).Apply(images, ref random);
        }

        var bytes = images.to(ScalarType.Float32).round().clamp(0, 255).to(ScalarType.Byte).contiguous();
        var (side, each) = ((int)bytes.shape[1], (int)(bytes.shape[1] * bytes.shape[2] * 3));
        var all = bytes.data<byte>().ToArray();
        return [.. Enumerable.Range(0, sources.Length).Select(i => Encode(all.AsSpan(i * each, each), side))];
    }

    private static byte[] Encode(ReadOnlySpan<byte> pixels, int side)
    {
        var image = new RgbImage(side, side, pixels.ToArray());
        return ImageEncoder.EncodeJpeg(side > Side ? AreaFilter.Resize(image, Side, Side) : image, JpegQuality);
    }
}
