using System.Collections.Immutable;
using Google.Protobuf;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.Training.Onnx;

/// <summary>
/// The ONNX side of a <see cref="NetworkDescription"/>. Input <c>images</c> uint8 [N,H,W,3]; outputs <c>probabilities</c> [N,9],
/// <c>embedding</c> [N,D], where a distribution of embeddings is given <c>distance</c> [N,1] from it and, behind global average pooling, <c>activation_map</c> [N,9,h,w]: each place's share of the class's logit.
/// </summary>
internal static class OnnxExporter
{
    /// <summary>The tensor inside each graph with the logits at the stated prior, before temperature and mask.</summary>
    public const string LogitsAtPrior = "logits.at_prior";

    private const string Temperature = "temperature";

    /// <summary>The file's bytes.</summary>
    /// <param name="weights">By the names of <see cref="NetworkDescription.Slots"/>.</param>
    /// <param name="properties">The metadata properties of the file.</param>
    /// <param name="views">
    /// 1, or 8: then the graph looks at each picture in its eight turned and mirrored views, and logits, embedding and activation map are the means over them.
    /// </param>
    /// <param name="distribution">What the embeddings of training pictures are like.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are other than 1 or 8 views.</exception>
    public static byte[] Export(
        NetworkDescription description,
        IReadOnlyDictionary<string, Weight> weights,
        OutputRule rule,
        IEnumerable<KeyValuePair<string, string>> properties,
        int views = 1,
        TrainingDistribution? distribution = null)
    {
        if (views is not (1 or SquareSymmetry.Count))
        {
            throw new ArgumentOutOfRangeException(nameof(views), views, "A model looks at one view of a picture or at all eight.");
        }

        var graph = new OnnxGraph(description.Name);
        var body = Body(graph, description, weights, views);

        // The last layer is linear: of the mean embedding it makes the mean of the logits.
        Answer(graph, LastLayer(graph, description, Embed(graph, body, views), weights), rule);
        graph.Output("probabilities", Diagnoses.Count);
        if (distribution is not null)
        {
            Measure(graph, distribution);
        }

        if (description.HasActivationMap)
        {
            var features = body[description.Layers.LastIndexOf(new GlobalAveragePool()) - 1];
            Map(graph, features, weights[$"{body.Length}.weight"], views);
            graph.Output("activation_map", Diagnoses.Count, features.Shape.Height, features.Shape.Width);
        }

        return graph.ToModel(properties);
    }

    /// <summary>Gives a graph of <see cref="Export"/> another temperature, and other properties.</summary>
    public static void Recalibrate(ModelProto model, ModelProperties properties)
    {
        model.Graph.Initializer.Single(constant => constant.Name == Temperature).RawData = ByteString.CopyFrom(BitConverter.GetBytes((float)properties.Temperature));
        model.MetadataProps.Clear();
        model.MetadataProps.AddRange(properties.ToMetadata().Select(property => new StringStringEntryProto { Key = property.Key, Value = property.Value }));
    }

    /// <summary>
    /// A frozen network as a describer of pictures. Input <c>images</c> uint8 [N,H,W,3]; outputs <c>embedding</c> [N,D], the input of the last layer, and
    /// <c>texture</c> [N,2C]: mean and standard deviation over all places of every channel behind the layers of <paramref name="textureLayers"/>.
    /// </summary>
    /// <param name="textureLayers">Indices of layers that give [C,H,W], at least one.</param>
    public static byte[] ExportFeatures(NetworkDescription description, IReadOnlyDictionary<string, Weight> weights, IReadOnlyCollection<int> textureLayers)
    {
        var graph = new OnnxGraph(description.Name);
        var body = Body(graph, description, weights);
        Embed(graph, body);

        // A normalisation was folded into its convolution, so what stands behind the one stands behind both.
        var textures = textureLayers.Order().SelectMany(index => MeanAndDeviation(graph, NetworkDescription.PathOf("", index), body[index].Name)).ToArray();
        graph.Node("Concat", "texture", textures, OnnxGraph.Int("axis", 1));
        graph.Output("texture", 2 * textureLayers.Sum(index => body[index].Shape.Channels));
        return graph.ToModel([]);
    }

    /// <summary>A network without the rule by which it is served. Input <c>images</c> uint8 [N,H,W,3]; outputs <c>logits</c> [N,9] and <c>embedding</c> [N,D].</summary>
    public static byte[] ExportBare(NetworkDescription description, IReadOnlyDictionary<string, Weight> weights)
    {
        var graph = new OnnxGraph(description.Name);
        LastLayer(graph, description, Embed(graph, Body(graph, description, weights)), weights);
        graph.Output("logits", Diagnoses.Count);
        return graph.ToModel([]);
    }

    /// <summary>Adds all layers but the last, behind the normalised pictures or their views.</summary>
    private static Features[] Body(OnnxGraph graph, NetworkDescription description, IReadOnlyDictionary<string, Weight> weights, int views = 1) =>
        Walk(graph, "", description.Layers[..^1], new Features(Normalize(graph, description, views), description.Input), weights);

    private static string Embed(OnnxGraph graph, Features[] body, int views = 1)
    {
        var (x, shape) = body[^1];
        graph.Output("embedding", shape.Size);
        return views == 1 ? graph.Node("Identity", "embedding", [x]) : ViewNodes.Mean(graph, "embedding", x, shape.Size);
    }

    private static string LastLayer(OnnxGraph graph, NetworkDescription description, string embedding, IReadOnlyDictionary<string, Weight> weights) =>
        Multiply(graph, NetworkDescription.PathOf("", description.Layers.Length - 1), "logits", embedding, weights);

    /// <summary>Adds the layers of a list.</summary>
    /// <returns>What stands behind each of them.</returns>
    private static Features[] Walk(
        OnnxGraph graph, string prefix, ImmutableArray<Layer> layers, Features input, IReadOnlyDictionary<string, Weight> weights)
    {
        var behind = new Features[layers.Length];
        for (var index = 0; index < layers.Length; index++)
        {
            behind[index] = new Features(Follow(graph, prefix, layers, index, input, weights), input.Shape.Behind(layers[index]));
            input = behind[index];
        }

        return behind;
    }

    private static string[] MeanAndDeviation(OnnxGraph graph, string path, string x)
    {
        var mean = graph.Node("GlobalAveragePool", $"{path}.level", [x]);
        var centred = graph.Node("Sub", $"{path}.centred", [x, mean]);
        var variance = graph.Node("GlobalAveragePool", $"{path}.variance", [graph.Node("Mul", $"{path}.squared", [centred, centred])]);
        var deviation = graph.Node("Sqrt", $"{path}.deviation", [variance]);
        return [.. new[] { mean, deviation }.Select(node => graph.Node("Flatten", $"{node}.flat", [node], OnnxGraph.Int("axis", 1)))];
    }

    /// <summary>Adds one layer of a list and gives the name of its output.</summary>
    private static string Follow(
        OnnxGraph graph, string prefix, ImmutableArray<Layer> layers, int index, Features input, IReadOnlyDictionary<string, Weight> weights)
    {
        var (path, x) = (NetworkDescription.PathOf(prefix, index), input.Name);
        return layers[index] switch
        {
            KernelLayer c => Convolve(graph, path, input, c, Behind(prefix, layers, index), weights),
            Relu => graph.Node("Relu", $"{path}.relu", [x]),
            Relu6 => graph.Node("Clip", $"{path}.relu6", [x, graph.Constant($"{path}.floor", [0f]), graph.Constant($"{path}.ceiling", [Relu6.Ceiling])]),
            Residual r => Add(graph, path, r, input, weights),
            MaxPool p => graph.Node(
                "MaxPool",
                $"{path}.pool",
                [x],
                OnnxGraph.Ints("kernel_shape", p.Size, p.Size),
                OnnxGraph.Ints("strides", p.Stride, p.Stride),
                OnnxGraph.Ints("pads", p.Edge, p.Edge, p.Edge, p.Edge)),
            Flatten => graph.Node("Flatten", $"{path}.flat", [x], OnnxGraph.Int("axis", 1)),
            GlobalAveragePool => graph.Node("Flatten", $"{path}.flat", [graph.Node("GlobalAveragePool", $"{path}.mean", [x])], OnnxGraph.Int("axis", 1)),
            Dense => Multiply(graph, path, $"{path}.dense", x, weights),
            BatchNormalization or Dropout => x,
            var layer => throw new NotSupportedException($"{layer} has no ONNX form."),
        };
    }

    private static (string Path, BatchNormalization Layer)? Behind(string prefix, ImmutableArray<Layer> layers, int index) =>
        index + 1 < layers.Length && layers[index + 1] is BatchNormalization normalization
            ? (NetworkDescription.PathOf(prefix, index + 1), normalization)
            : null;

    private static string Add(OnnxGraph graph, string path, Residual block, Features input, IReadOnlyDictionary<string, Weight> weights)
    {
        var shortcut = block.Shortcut.IsEmpty ? input : Walk(graph, NetworkDescription.ShortcutOf(path), block.Shortcut, input, weights)[^1];
        return graph.Node("Add", $"{path}.sum", [shortcut.Name, Walk(graph, $"{path}.", block.Layers, input, weights)[^1].Name]);
    }

    private static string Normalize(OnnxGraph graph, NetworkDescription description, int views)
    {
        var images = graph.Input("images", TensorProto.Types.DataType.Uint8, description.InputSize, description.InputSize, 3);
        var seen = views == 1 ? images : ViewNodes.Spread(graph, images);
        var floats = graph.Node("Cast", "images.float", [seen], OnnxGraph.Int("to", (long)TensorProto.Types.DataType.Float));
        var channelsFirst = graph.Node("Transpose", "images.chw", [floats], OnnxGraph.Ints("perm", 0, 3, 1, 2));
        var scaled = graph.Node("Mul", "images.scaled", [channelsFirst, graph.Constant("input.scale", description.Normalization.Scale, 1, 3, 1, 1)]);
        return graph.Node("Add", "images.normal", [scaled, graph.Constant("input.offset", description.Normalization.Offset, 1, 3, 1, 1)]);
    }

    private static string Convolve(
        OnnxGraph graph,
        string path,
        Features input,
        KernelLayer layer,
        (string Path, BatchNormalization Layer)? normalization,
        IReadOnlyDictionary<string, Weight> weights)
    {
        var kernel = weights[$"{path}.weight"];
        var values = (float[])kernel.Values.Clone();
        var bias = layer.Bias ? (float[])weights[$"{path}.bias"].Values.Clone() : new float[kernel.Shape[0]];
        if (normalization is { } behind)
        {
            Fold(values, bias, behind.Layer, behind.Path, weights);
        }

        var (top, bottom) = FeatureShape.PaddingOf(layer, input.Shape.Height);
        var (left, right) = FeatureShape.PaddingOf(layer, input.Shape.Width);
        return graph.Node(
            "Conv",
            $"{path}.convolution",
            [input.Name, graph.Constant($"{path}.weight", values, kernel.Shape), graph.Constant($"{path}.bias", bias, bias.Length)],
            OnnxGraph.Ints("kernel_shape", layer.Kernel, layer.Kernel),
            OnnxGraph.Ints("strides", layer.Stride, layer.Stride),
            OnnxGraph.Ints("pads", top, left, bottom, right),
            OnnxGraph.Int("group", layer is DepthwiseConvolution ? input.Shape.Channels : 1));
    }

    /// <summary>Moves the normalisation of each output channel into the kernel and the bias in front of it.</summary>
    private static void Fold(float[] kernel, float[] bias, BatchNormalization normalization, string path, IReadOnlyDictionary<string, Weight> weights)
    {
        var (scale, shift) = (weights[$"{path}.weight"].Values, weights[$"{path}.bias"].Values);
        var (mean, variance) = (weights[$"{path}.running_mean"].Values, weights[$"{path}.running_var"].Values);
        var perFilter = kernel.Length / bias.Length;
        for (var filter = 0; filter < bias.Length; filter++)
        {
            var factor = scale[filter] / Math.Sqrt(variance[filter] + normalization.Epsilon);
            bias[filter] = (float)(((bias[filter] - mean[filter]) * factor) + shift[filter]);
            foreach (ref var value in kernel.AsSpan(filter * perFilter, perFilter))
            {
                value = (float)(value * factor);
            }
        }
    }

    private static string Multiply(OnnxGraph graph, string path, string output, string x, IReadOnlyDictionary<string, Weight> weights)
    {
        var (kernel, bias) = (weights[$"{path}.weight"], weights[$"{path}.bias"]);
        return graph.Node(
            "Gemm",
            output,
            [x, graph.Constant($"{path}.weight", kernel.Values, kernel.Shape), graph.Constant($"{path}.bias", bias.Values, bias.Shape)],
            OnnxGraph.Int("transB", 1));
    }

    private static void Answer(OnnxGraph graph, string logits, OutputRule rule)
    {
        var moved = graph.Node("Add", LogitsAtPrior, [logits, graph.Constant("prior.offset", rule.Offset(), Diagnoses.Count)]);
        var divided = graph.Node("Div", "logits.calibrated", [moved, graph.Constant(Temperature, [(float)rule.Temperature])]);
        var masked = graph.Node("Add", "logits.supported", [divided, graph.Constant("unsupported.mask", rule.Mask(), Diagnoses.Count)]);
        graph.Node("Softmax", "probabilities", [masked], OnnxGraph.Int("axis", 1));
    }

    /// <summary>The distance of the embedding from those of training pictures; see <see cref="TrainingDistribution.Distance"/>.</summary>
    private static void Measure(OnnxGraph graph, TrainingDistribution distribution)
    {
        var (dimensions, axes) = (distribution.Mean.Length, distribution.Variances.Length);
        var centred = graph.Node("Sub", "distance.centred", ["embedding", graph.Constant("distance.mean", distribution.Mean, dimensions)]);
        var all = graph.Node("Mul", "distance.squares", [centred, centred]);
        var along = graph.Node("Gemm", "distance.projected", [centred, graph.Constant("distance.axes", distribution.Axes, axes, dimensions)], OnnxGraph.Int("transB", 1));
        var strongest = graph.Node("Mul", "distance.projected.squares", [along, along]);

        // The strongest directions are in the sum of all squares too, where they were divided by the variance of the others.
        float[] each = [.. Enumerable.Repeat((float)(1 / distribution.Remaining / dimensions), dimensions)];
        float[] corrections = [.. distribution.Variances.Select(variance => (float)(((1 / variance) - (1 / distribution.Remaining)) / dimensions))];
        var whole = graph.Node("MatMul", "distance.whole", [all, graph.Constant("distance.each", each, dimensions, 1)]);
        var correction = graph.Node("MatMul", "distance.correction", [strongest, graph.Constant("distance.corrections", corrections, axes, 1)]);
        graph.Node("Add", "distance", [whole, correction]);
        graph.Output("distance", 1);
    }

    /// <summary>Class activation map (Zhou et al. 2016): the last layer's weights applied at each place, before the mean.</summary>
    private static void Map(OnnxGraph graph, Features features, Weight last, int views)
    {
        var maps = graph.Node(
            "Conv",
            views == 1 ? "activation_map" : "activation_map.views",
            [features.Name, graph.Constant("activation_map.weight", last.Values, [.. last.Shape, 1, 1])],
            OnnxGraph.Ints("kernel_shape", 1, 1));
        if (views > 1)
        {
            ViewNodes.MeanMap(graph, "activation_map", maps, Diagnoses.Count, features.Shape.Height);
        }
    }

    /// <summary>The output of a node, and the shape of one image's features in it.</summary>
    private readonly record struct Features(string Name, FeatureShape Shape);
}
