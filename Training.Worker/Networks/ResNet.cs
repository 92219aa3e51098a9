using System.Collections.Immutable;
using System.Globalization;
using Melanoma.Contracts;

namespace Melanoma.Training.Networks;

/// <summary>
/// Residual networks of basic blocks (He et al. 2016), as torchvision and timm build them and under their names: plain convolutions only, which are fast in
/// eight bits. Any side of at least 32 pixels will do.
/// </summary>
internal static class ResNet
{
    private const int StemFilters = 64;

    private static readonly BatchNormalization Normalized = new(Epsilon: 1e-5);

    /// <summary>11.7 million parameters with ImageNet's head; embedding of 512 numbers.</summary>
    public static NetworkDescription Depth18 { get; } = Describe("resnet18", [2, 2, 2, 2]);

    /// <summary>21.8 million parameters with ImageNet's head; embedding of 512 numbers.</summary>
    public static NetworkDescription Depth34 { get; } = Describe("resnet34", [3, 4, 6, 3]);

    /// <param name="blocks">How many blocks each stage has; each stage is twice as wide as the one before, and its picture half as high.</param>
    private static NetworkDescription Describe(string name, ImmutableArray<int> blocks) => new(name, 224, Normalization.ImageNet,
    [
        new Convolution(StemFilters, 7, 2, Padding.Centred, Bias: false), Normalized, new Relu(), new MaxPool(3, 2, Edge: 1),
        .. blocks.SelectMany((count, stage) => Enumerable.Range(0, count).SelectMany(block => Block(StemFilters << stage, Shrinks(stage, block)))),
        new GlobalAveragePool(),
        new Dense(Diagnoses.Count),
    ])
    {
        Published = new PublishedNames("torchvision", [.. Modules(blocks)], "fc"),
    };

    /// <summary>Whether a block makes the picture half as high and its channels twice as many.</summary>
    private static bool Shrinks(int stage, int block) => stage > 0 && block == 0;

    private static IEnumerable<Layer> Block(int filters, bool shrinks)
    {
        var stride = shrinks ? 2 : 1;
        yield return new Residual(
        [
            new Convolution(filters, 3, stride, Padding.Centred, Bias: false), Normalized, new Relu(),
            new Convolution(filters, 3, 1, Padding.Centred, Bias: false), Normalized,
        ])
        {
            Shortcut = shrinks ? [new Convolution(filters, 1, stride, Padding.Centred, Bias: false), Normalized] : [],
        };
        yield return new Relu();
    }

    private static IEnumerable<string> Modules(ImmutableArray<int> blocks)
    {
        yield return "conv1";
        yield return "bn1";
        for (var stage = 0; stage < blocks.Length; stage++)
        {
            for (var block = 0; block < blocks[stage]; block++)
            {
                string[] modules = ["conv1", "bn1", "conv2", "bn2", .. Shrinks(stage, block) ? ["downsample.0", "downsample.1"] : (string[])[]];
                foreach (var module in modules)
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"layer{stage + 1}.{block}.{module}");
                }
            }
        }
    }
}
