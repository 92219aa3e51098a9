using System.Collections.Immutable;

namespace Melanoma.Training.Networks;

/// <summary>One step of a network, as data. A block of several steps is a layer that holds lists of layers.</summary>
internal abstract record Layer;

/// <summary>A layer that moves a square kernel over the picture.</summary>
/// <param name="Kernel">Side of the kernel, in places.</param>
/// <param name="Stride">Places from one position of the kernel to the next.</param>
internal abstract record KernelLayer(int Kernel, int Stride, Padding Padding, bool Bias) : Layer;

/// <summary>A square convolution. [C,H,W] becomes [<paramref name="Filters"/>,H',W'].</summary>
internal sealed record Convolution(int Filters, int Kernel, int Stride = 1, Padding Padding = Padding.Same, bool Bias = true)
    : KernelLayer(Kernel, Stride, Padding, Bias);

/// <summary>A square convolution of each channel by itself. [C,H,W] becomes [C,H',W'].</summary>
internal sealed record DepthwiseConvolution(int Kernel, int Stride = 1, Padding Padding = Padding.Same, bool Bias = true)
    : KernelLayer(Kernel, Stride, Padding, Bias);

/// <summary>Normalises each channel by the batch's statistics in training and by the running ones later; stands directly behind a convolution.</summary>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Momentum">Weight of the newest batch in the running statistics, 0 to 1.</param>
internal sealed record BatchNormalization(double Epsilon = 1e-3, double Momentum = 0.1) : Layer;

/// <summary>max(0, x).</summary>
internal sealed record Relu : Layer;

/// <summary>min(max(0, x), 6).</summary>
internal sealed record Relu6 : Layer
{
    /// <summary>The largest value let through.</summary>
    public const float Ceiling = 6;
}

/// <summary>g(x) + f(x), where f is <paramref name="Layers"/>, first to last, and g is <see cref="Shortcut"/>; both give the same shape.</summary>
/// <param name="DropRate">
/// Chance that f is left out for a picture in training; where it is not, it counts 1 / (1 - rate) (stochastic depth, Huang et al. 2016).
/// </param>
internal sealed record Residual(ImmutableArray<Layer> Layers, double DropRate = 0) : Layer
{
    /// <summary>Brings x to the shape of f(x), first to last (He et al. 2016: a projection); empty where it has that shape already.</summary>
    public ImmutableArray<Layer> Shortcut { get; init; } = [];
}

/// <summary>The largest value of each <paramref name="Size"/> x <paramref name="Size"/> window that lies whole inside picture and edge.</summary>
/// <param name="Stride">Places from one window to the next.</param>
/// <param name="Edge">Places that are added on every side; they never are the largest. At most half of the window.</param>
internal sealed record MaxPool(int Size = 2, int Stride = 2, int Edge = 0) : Layer;

/// <summary>Zeroes each value with probability <paramref name="Rate"/> in training and scales the rest by 1 / (1 - rate).</summary>
internal sealed record Dropout(double Rate) : Layer;

/// <summary>[C,H,W] becomes [C*H*W].</summary>
internal sealed record Flatten : Layer;

/// <summary>The mean of each channel: [C,H,W] becomes [C]. What stands before it is what a class activation map is made of.</summary>
internal sealed record GlobalAveragePool : Layer;

/// <summary>A fully connected layer. [C] becomes [<paramref name="Units"/>].</summary>
internal sealed record Dense(int Units) : Layer;

/// <summary>What a convolution sees beyond the edge.</summary>
internal enum Padding
{
    /// <summary>Nothing: the kernel stays inside.</summary>
    Valid,

    /// <summary>Zeros, so that the output has ceil(size / stride) places; the odd one goes to the right and the bottom (TensorFlow's rule).</summary>
    Same,

    /// <summary>(kernel - 1) / 2 zeros on every side, whatever the stride (PyTorch's usual rule).</summary>
    Centred,
}
