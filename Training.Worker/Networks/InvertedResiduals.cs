using System.Collections.Immutable;
using Melanoma.Contracts;

namespace Melanoma.Training.Networks;

/// <summary>
/// Networks for mobile processors (Sandler et al. 2018): a stem, blocks that widen, look around in each channel and narrow, a head, global average pooling.
/// Activations are ReLU6, padding is TensorFlow's, and a block has a shortcut wherever it keeps the shape.
/// </summary>
internal static class InvertedResiduals
{
    private const int StemFilters = 32;
    private const int StemLayers = 3;
    private const int HeadFilters = 1280;

    /// <summary>All layers; embedding of 1,280 numbers.</summary>
    /// <param name="stages">First to last; the first block of each is the only one that changes the shape.</param>
    /// <param name="normalization">Stands behind every convolution.</param>
    public static ImmutableArray<Layer> Layers(ImmutableArray<Stage> stages, BatchNormalization normalization) =>
    [
        new Convolution(StemFilters, 3, 2, Bias: false), normalization, new Relu6(),
        .. stages.SelectMany((stage, index) => Blocks(stage, index == 0 ? StemFilters : stages[index - 1].Filters, normalization)),
        new Convolution(HeadFilters, 1, Bias: false), normalization, new Relu6(),
        new GlobalAveragePool(),
        new Dropout(0.2),
        new Dense(Diagnoses.Count),
    ];

    /// <summary>The index of the last layer of a stage.</summary>
    /// <param name="stages">Those of the network.</param>
    /// <param name="stage">Counted from 0.</param>
    public static int EndOfStage(ImmutableArray<Stage> stages, int stage) =>
        stages[..(stage + 1)].Sum(each => Block(each, 1, 1, new BatchNormalization()).Length + each.Repeats - 1) + StemLayers - 1;

    private static IEnumerable<Layer> Blocks(Stage stage, int filtersBefore, BatchNormalization normalization)
    {
        for (var block = 0; block < stage.Repeats; block++)
        {
            var layers = Block(stage, block == 0 ? filtersBefore : stage.Filters, block == 0 ? stage.Stride : 1, normalization);
            foreach (var layer in block == 0 ? layers : [new Residual(layers)])
            {
                yield return layer;
            }
        }
    }

    /// <summary>Widen, look around, narrow, without an activation at the end; the first stage does not widen.</summary>
    private static ImmutableArray<Layer> Block(Stage stage, int filtersBefore, int stride, BatchNormalization normalization) =>
    [
        .. stage.Widens ? [new Convolution(filtersBefore * stage.Expansion, 1, Bias: false), normalization, new Relu6()] : (Layer[])[],
        new DepthwiseConvolution(stage.Kernel, stride, Bias: false), normalization, new Relu6(),
        new Convolution(stage.Filters, 1, Bias: false), normalization,
    ];

    /// <summary>Some blocks of one size.</summary>
    /// <param name="Expansion">How many times wider the depthwise convolution is than the block's input.</param>
    /// <param name="Kernel">Side of the depthwise kernel, in places.</param>
    /// <param name="Stride">Of the first block.</param>
    /// <param name="Filters">Channels behind each block.</param>
    /// <param name="Repeats">How many blocks.</param>
    internal sealed record Stage(int Expansion, int Kernel, int Stride, int Filters, int Repeats)
    {
        /// <summary>Whether a block begins with a convolution that makes it wider.</summary>
        public bool Widens => Expansion > 1;
    }
}
