using System.Collections.Immutable;
using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Training.Loop;

namespace Melanoma.Training.Networks;

/// <summary>
/// EfficientNet-Lite (Tan and Le 2019, in TensorFlow's mobile variant: ReLU6, no squeeze-and-excitation), and its ImageNet weights under timm's names.
/// Any side of at least 32 pixels will do: <c>Lite0 with { InputSize = 160 }</c>.
/// </summary>
internal static class EfficientNetLite
{
    private const int StemFilters = 32;
    private const int StemLayers = 3;
    private const int HeadFilters = 1280;

    private static readonly string[] TimmClassifier = ["classifier.weight", "classifier.bias"];

    private static readonly BatchNormalization Normalized = new(Epsilon: 1e-3, Momentum: 0.01);

    private static readonly ImmutableArray<Stage> Stages0 =
        [new(1, 3, 1, 16, 1), new(6, 3, 2, 24, 2), new(6, 5, 2, 40, 2), new(6, 3, 2, 80, 3), new(6, 5, 1, 112, 3), new(6, 5, 2, 192, 4), new(6, 3, 1, 320, 1)];

    private static readonly ImmutableArray<Stage> Stages2 =
        [new(1, 3, 1, 16, 1), new(6, 3, 2, 24, 3), new(6, 5, 2, 48, 3), new(6, 3, 2, 88, 4), new(6, 5, 1, 120, 4), new(6, 5, 2, 208, 5), new(6, 3, 1, 352, 1)];

    /// <summary>4.65 million parameters with ImageNet's head; embedding of 1,280 numbers.</summary>
    public static NetworkDescription Lite0 { get; } = Describe("efficientnet-lite0", 224, Stages0);

    /// <summary>6.09 million parameters with ImageNet's head; embedding of 1,280 numbers.</summary>
    public static NetworkDescription Lite2 { get; } = Describe("efficientnet-lite2", 260, Stages2);

    /// <summary>Whether a network is one of these, of any input size.</summary>
    public static bool Describes(NetworkDescription description) => description.Name == Lite0.Name || description.Name == Lite2.Name;

    /// <summary>The same network whose residual blocks are left out at random in training, the deeper the oftener.</summary>
    /// <param name="last">Chance of the last block; the others' rise to it evenly.</param>
    public static NetworkDescription WithStochasticDepth(NetworkDescription description, double last)
    {
        var blocks = description.Layers.OfType<Residual>().Count();
        var seen = 0;
        return description with { Layers = [.. description.Layers.Select(layer => layer is Residual block ? block with { DropRate = last * ++seen / blocks } : layer)] };
    }

    /// <summary>The index of the last layer of a stage, 0 to 6: what stands behind stages 2 to 4 shows texture, what stands behind 6 the whole.</summary>
    public static int EndOfStage(NetworkDescription description, int stage)
    {
        var stages = StagesOf(description)[..(stage + 1)];
        return stages.Sum(each => Block(each, 1, 1).Length + each.Repeats - 1) + StemLayers - 1;
    }

    /// <summary>Brings weights with timm's names to the slots of a network. ImageNet's head knows other classes, so the last layer is all zeros.</summary>
    /// <param name="description"><see cref="Lite0"/> or <see cref="Lite2"/>, of any input size.</param>
    /// <param name="timm">All tensors of the file, <c>num_batches_tracked</c> left out.</param>
    /// <returns>A weight for every slot.</returns>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape or is left over.</exception>
    public static Dictionary<string, Weight> FromTimm(NetworkDescription description, IReadOnlyDictionary<string, Weight> timm)
    {
        var weights = description.Slots().ToDictionary(slot => slot.Name, slot => new Weight(slot.Shape, new float[slot.Count]));
        var left = timm.Keys.Except(TimmClassifier).ToHashSet();
        var layers = description.Slots().GroupBy(slot => slot.Name[..slot.Name.LastIndexOf('.')]).SkipLast(1);
        foreach (var (layer, module) in layers.Zip(TimmModules(StagesOf(description))))
        {
            foreach (var slot in layer)
            {
                var name = module + slot.Name[layer.Key.Length..];
                if (!left.Remove(name) || !timm[name].Shape.AsSpan().SequenceEqual(slot.Shape))
                {
                    throw new InvalidDataException($"The weights do not fit {description.Name}: '{name}' must be [{string.Join(", ", slot.Shape)}].");
                }

                weights[slot.Name] = timm[name];
            }
        }

        return left.Count == 0
            ? weights
            : throw new InvalidDataException($"The weights do not fit {description.Name}, which has no '{left.Order(StringComparer.Ordinal).First()}'.");
    }

    /// <summary>The weights of a <c>.safetensors</c> file with timm's names, in the slots of a network.</summary>
    /// <param name="file">Its bytes.</param>
    /// <exception cref="InvalidDataException">The file is damaged or of another network.</exception>
    public static Dictionary<string, Weight> FromSafeTensors(NetworkDescription description, ReadOnlySpan<byte> file) =>
        FromTimm(description, SafeTensors.Read(file).Tensors);

    private static ImmutableArray<Stage> StagesOf(NetworkDescription description) => description.Name == Lite0.Name ? Stages0 : Stages2;

    private static NetworkDescription Describe(string name, int inputSize, ImmutableArray<Stage> stages) => new(name, inputSize, Normalization.AboutHalf,
    [
        new Convolution(StemFilters, 3, 2, Bias: false), Normalized, new Relu6(),
        .. stages.SelectMany((stage, index) => Blocks(stage, index == 0 ? StemFilters : stages[index - 1].Filters)),
        new Convolution(HeadFilters, 1, Bias: false), Normalized, new Relu6(),
        new GlobalAveragePool(),
        new Dropout(0.2),
        new Dense(Diagnoses.Count),
    ]);

    private static IEnumerable<Layer> Blocks(Stage stage, int filtersBefore)
    {
        for (var block = 0; block < stage.Repeats; block++)
        {
            var layers = Block(stage, block == 0 ? filtersBefore : stage.Filters, block == 0 ? stage.Stride : 1);
            foreach (var layer in block == 0 ? layers : [new Residual(layers)])
            {
                yield return layer;
            }
        }
    }

    /// <summary>Widen, look around, narrow (Sandler et al. 2018, without an activation at the end); the first stage does not widen.</summary>
    private static ImmutableArray<Layer> Block(Stage stage, int filtersBefore, int stride) =>
    [
        .. stage.Expansion == 1 ? (Layer[])[] : [new Convolution(filtersBefore * stage.Expansion, 1, Bias: false), Normalized, new Relu6()],
        new DepthwiseConvolution(stage.Kernel, stride, Bias: false), Normalized, new Relu6(),
        new Convolution(stage.Filters, 1, Bias: false), Normalized,
    ];

    /// <summary>timm's names of the layers that have weights, first to last.</summary>
    private static IEnumerable<string> TimmModules(ImmutableArray<Stage> stages)
    {
        yield return "conv_stem";
        yield return "bn1";
        for (var stage = 0; stage < stages.Length; stage++)
        {
            string[] modules = stages[stage].Expansion == 1
                ? ["conv_dw", "bn1", "conv_pw", "bn2"]
                : ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"];
            for (var block = 0; block < stages[stage].Repeats; block++)
            {
                foreach (var module in modules)
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"blocks.{stage}.{block}.{module}");
                }
            }
        }

        yield return "conv_head";
        yield return "bn2";
    }

    /// <param name="Expansion">How many times wider the depthwise convolution is than the block's input.</param>
    private sealed record Stage(int Expansion, int Kernel, int Stride, int Filters, int Repeats);
}
