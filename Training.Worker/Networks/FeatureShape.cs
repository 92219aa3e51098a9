using System.Collections.Immutable;

namespace Melanoma.Training.Networks;

/// <summary>The shape of one image's features between two layers; flat features have Height = Width = 1 and <paramref name="IsFlat"/>.</summary>
internal readonly record struct FeatureShape(int Channels, int Height, int Width, bool IsFlat = false)
{
    public int Size => Channels * Height * Width;

    /// <summary>Zeros to put before and after one side of <paramref name="size"/> places.</summary>
    public static (int Before, int After) PaddingOf(KernelLayer layer, int size)
    {
        if (layer.Padding != Padding.Same)
        {
            var both = layer.Padding == Padding.Centred ? (layer.Kernel - 1) / 2 : 0;
            return (both, both);
        }

        var places = (size + layer.Stride - 1) / layer.Stride;
        var total = Math.Max(0, ((places - 1) * layer.Stride) + layer.Kernel - size);
        return (total / 2, total - (total / 2));
    }

    /// <summary>The shape behind a layer.</summary>
    /// <exception cref="InvalidOperationException">The layer does not fit the shape.</exception>
    public FeatureShape Behind(Layer layer) => layer switch
    {
        Convolution c when !IsFlat => new(c.Filters, Behind(c, Height), Behind(c, Width)),
        DepthwiseConvolution c when !IsFlat => new(Channels, Behind(c, Height), Behind(c, Width)),
        Residual r when Behind(r.Layers) == Behind(r.Shortcut) => Behind(r.Layers),
        MaxPool p when !IsFlat && Math.Min(Height, Width) + (2 * p.Edge) >= p.Size => this with { Height = Behind(p, Height), Width = Behind(p, Width) },
        GlobalAveragePool when !IsFlat => new(Channels, 1, 1, IsFlat: true),
        Flatten when !IsFlat => new(Size, 1, 1, IsFlat: true),
        Dense d when IsFlat => new(d.Units, 1, 1, IsFlat: true),
        BatchNormalization when !IsFlat => this,
        Relu or Relu6 or Dropout => this,
        _ => throw new InvalidOperationException($"{layer} cannot stand behind features of shape {this}."),
    };

    private FeatureShape Behind(ImmutableArray<Layer> layers) => layers.Aggregate(this, (shape, layer) => shape.Behind(layer));

    private static int Behind(MaxPool layer, int size) => ((size + (2 * layer.Edge) - layer.Size) / layer.Stride) + 1;

    private static int Behind(KernelLayer layer, int size)
    {
        var (before, after) = PaddingOf(layer, size);
        var places = ((size + before + after - layer.Kernel) / layer.Stride) + 1;
        return size + before + after >= layer.Kernel ? places : throw new InvalidOperationException($"{layer} does not fit into {size} places.");
    }
}
