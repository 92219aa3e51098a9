using System.Collections.Immutable;
using System.Globalization;
using Melanoma.Contracts;

namespace Melanoma.Training.Networks;

/// <summary>
/// A network as data. The module that trains (<see cref="Network"/>) and the graph that serves
/// (<see cref="Onnx.OnnxExporter"/>) are both made from it.
/// </summary>
/// <param name="InputSize">Height and width of the square pictures, in pixels.</param>
/// <param name="Normalization">What happens to pixels 0-255 before the first layer.</param>
/// <param name="Layers">First to last; the last is <see cref="Dense"/> with one unit per diagnosis, and gives the logits.</param>
internal sealed record NetworkDescription(string Name, int InputSize, Normalization Normalization, ImmutableArray<Layer> Layers)
{
    private const string ShortcutStep = "shortcut";

    /// <summary>What its weights are called where others publish them; null for a network that nobody has published.</summary>
    public PublishedNames? Published { get; init; }

    public FeatureShape Input => new(3, InputSize, InputSize);

    /// <summary>Whether a class activation map can be had: global average pooling, then at most dropout, then the last layer.</summary>
    public bool HasActivationMap => Layers.SkipLast(1).LastOrDefault(layer => layer is not Dropout) is GlobalAveragePool;

    /// <summary>How many numbers training changes.</summary>
    public long ParameterCount => Slots().Where(slot => slot.IsTrained).Sum(slot => slot.Count);

    /// <summary>Every place for weights, in the order of the layers.</summary>
    /// <exception cref="InvalidOperationException">The layers do not fit together, or the last is not one unit per diagnosis.</exception>
    public IReadOnlyList<WeightSlot> Slots()
    {
        if (Layers is not [.., Dense { Units: Diagnoses.Count }])
        {
            throw new InvalidOperationException($"The last layer of {Name} must be Dense({Diagnoses.Count}).");
        }

        var slots = new List<WeightSlot>();
        AddSlots(slots, "", Layers, Input);
        return slots;
    }

    /// <summary>The same network whose residual blocks are left out at random in training, the deeper the oftener.</summary>
    /// <param name="last">Chance of the last block; the others' rise to it evenly.</param>
    public NetworkDescription WithStochasticDepth(double last)
    {
        var blocks = Layers.OfType<Residual>().Count();
        var seen = 0;
        return this with { Layers = [.. Layers.Select(layer => layer is Residual block ? block with { DropRate = last * ++seen / blocks } : layer)] };
    }

    /// <summary>The path of a layer in a list: "3", or "3.0" in the block of path "3.".</summary>
    /// <param name="prefix">Path of the block with a dot behind it; empty for the network itself.</param>
    public static string PathOf(string prefix, int index) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{index}");

    /// <summary>What stands before the paths of the layers in the shortcut of the block of path "3": "3.shortcut.".</summary>
    public static string ShortcutOf(string path) => $"{path}.{ShortcutStep}.";

    /// <summary>The layer of a path, wherever in blocks and their shortcuts it is.</summary>
    public Layer LayerAt(string path)
    {
        var steps = path.Split('.');
        var layers = Layers;
        for (var step = 0; step < steps.Length - 1; step++)
        {
            var block = (Residual)layers[int.Parse(steps[step], CultureInfo.InvariantCulture)];
            if (steps[step + 1] == ShortcutStep)
            {
                layers = block.Shortcut;
                step++;
            }
            else
            {
                layers = block.Layers;
            }
        }

        return layers[int.Parse(steps[^1], CultureInfo.InvariantCulture)];
    }

    private void AddSlots(List<WeightSlot> slots, string prefix, ImmutableArray<Layer> layers, FeatureShape shape)
    {
        for (var index = 0; index < layers.Length; index++)
        {
            var path = PathOf(prefix, index);
            if (layers[index] is Residual block)
            {
                AddSlots(slots, $"{path}.", block.Layers, shape);
                AddSlots(slots, ShortcutOf(path), block.Shortcut, shape);
            }
            else
            {
                slots.AddRange(SlotsOf(path, layers[index], index > 0 ? layers[index - 1] : null, shape));
            }

            shape = shape.Behind(layers[index]);
        }
    }

    private IEnumerable<WeightSlot> SlotsOf(string path, Layer layer, Layer? before, FeatureShape input)
    {
        switch (layer)
        {
            case Convolution c:
                yield return new($"{path}.weight", [c.Filters, input.Channels, c.Kernel, c.Kernel], WeightRole.Kernel);
                if (c.Bias)
                {
                    yield return new($"{path}.bias", [c.Filters], WeightRole.Bias);
                }

                break;
            case DepthwiseConvolution c:
                yield return new($"{path}.weight", [input.Channels, 1, c.Kernel, c.Kernel], WeightRole.DepthwiseKernel);
                if (c.Bias)
                {
                    yield return new($"{path}.bias", [input.Channels], WeightRole.Bias);
                }

                break;
            case BatchNormalization when before is KernelLayer:
                yield return new($"{path}.weight", [input.Channels], WeightRole.Scale);
                yield return new($"{path}.bias", [input.Channels], WeightRole.Bias);
                yield return new($"{path}.running_mean", [input.Channels], WeightRole.RunningMean);
                yield return new($"{path}.running_var", [input.Channels], WeightRole.RunningVariance);
                break;
            case BatchNormalization:
                throw new InvalidOperationException($"Layer {path} of {Name}: batch normalisation must stand directly behind a convolution.");
            case Dense d:
                yield return new($"{path}.weight", [d.Units, input.Channels], WeightRole.Kernel);
                yield return new($"{path}.bias", [d.Units], WeightRole.Bias);
                break;
            default:
                break;
        }
    }
}

/// <summary>Pixels 0-255 become pixel * <paramref name="Scale"/> + <paramref name="Offset"/>, per channel (red, green, blue).</summary>
internal sealed record Normalization(float[] Scale, float[] Offset)
{
    /// <summary>0-255 becomes 0-1.</summary>
    public static Normalization ZeroToOne { get; } = new([1 / 255f, 1 / 255f, 1 / 255f], [0, 0, 0]);

    /// <summary>0-255 becomes -1 to 1.</summary>
    public static Normalization MinusOneToOne { get; } = new([2 / 255f, 2 / 255f, 2 / 255f], [-1, -1, -1]);

    /// <summary>(pixel - 127) / 128: what the EfficientNet-Lite networks of ImageNet were trained on.</summary>
    public static Normalization AboutHalf { get; } = new([1 / 128f, 1 / 128f, 1 / 128f], [-127 / 128f, -127 / 128f, -127 / 128f]);

    /// <summary>Mean 0 and deviation 1 over the pictures of ImageNet, as torchvision and timm have them.</summary>
    public static Normalization ImageNet { get; } = About([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);

    /// <summary>(pixel - <paramref name="centre"/>) / <paramref name="unit"/>, per channel.</summary>
    public static Normalization About(double[] centre, double[] unit) =>
        new([.. unit.Select(each => (float)(1 / each))], [.. centre.Zip(unit, (middle, each) => (float)(-middle / each))]);
}
