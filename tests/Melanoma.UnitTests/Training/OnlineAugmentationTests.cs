using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes.Augmentation;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class OnlineAugmentationTests
{
    private const int Size = 20;

    [Fact]
    public void Should_keep_the_pixels_and_make_all_eight_views_when_symmetries_are_drawn()
    {
        using var scope = NewDisposeScope();
        var image = tensor(ParityCheck.Noise(1, Size), [1, Size, Size, 3]);
        var random = SplitMix64.At(1);
        var views = new RandomSymmetry().Apply(image.repeat(64, 1, 1, 1), ref random);

        var distinct = Enumerable.Range(0, 64).Select(i => Convert.ToHexString(views[i].contiguous().bytes)).Distinct().ToArray();

        Assert.Equal(8, distinct.Length);
        Assert.All(Enumerable.Range(0, 64), i => Assert.Equal(image.sum().item<long>(), views[i].sum().item<long>()));
    }

    [Fact]
    public void Should_leave_the_picture_alone_when_the_ranges_are_zero()
    {
        using var scope = NewDisposeScope();
        var images = tensor(ParityCheck.Noise(3, Size), [3, Size, Size, 3]);
        foreach (var layer in new OnlineLayer[] { new RandomRotation(0), new RandomZoom(0), new RandomContrast(0) })
        {
            var random = SplitMix64.At(1);
            var difference = (layer.Apply(images, ref random) - images.to(ScalarType.Float32)).abs().max().item<float>();
            Assert.InRange(difference, 0, 0.01f);
        }
    }

    [Fact]
    public void Should_bring_in_no_colour_from_outside_when_a_picture_is_turned()
    {
        using var scope = NewDisposeScope();
        var images = tensor(ParityCheck.Noise(64, Size), [64, Size, Size, 3]);
        var random = SplitMix64.At(1);
        var turned = new RandomRotation(0.2).Apply(images, ref random);

        Assert.Equal([64, Size, Size, 3], turned.shape);
        Assert.InRange(turned.min().item<float>(), images.min().item<byte>(), images.max().item<byte>());
        Assert.InRange(turned.max().item<float>(), images.min().item<byte>(), images.max().item<byte>());

        // A border filled with anything but the mirrored picture would show.
        var flat = new RandomRotation(0.2).Apply(full([4, Size, Size, 3], 77, ScalarType.Byte), ref random);
        Assert.Equal(77, flat.min().item<float>(), 3);
        Assert.Equal(77, flat.max().item<float>(), 3);
    }

    [Fact]
    public void Should_keep_each_channels_mean_when_contrast_changes_a_picture_of_middle_tones()
    {
        using var scope = NewDisposeScope();
        var images = (rand(5, Size, Size, 3) * 100) + 80;
        var random = SplitMix64.At(3);
        var changed = new RandomContrast(0.1).Apply(images, ref random);

        Assert.InRange((changed.mean([1, 2]) - images.mean([1, 2])).abs().max().item<float>(), 0, 0.01f);
        var ratios = changed.std([1, 2]) / images.std([1, 2]);
        Assert.InRange(ratios.min().item<float>(), 0.899f, 1.101f);
        Assert.InRange(ratios.max().item<float>(), 0.899f, 1.101f);
    }
}
