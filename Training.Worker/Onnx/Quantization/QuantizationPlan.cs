using System.Runtime.InteropServices;
using Melanoma.Contracts.Models;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.Training.Onnx.Quantization;

/// <summary>
/// Which parts of a graph calculate in whole numbers: convolutions, dense layers, residual sums and what only passes values on, from the normalised pictures to
/// the embedding. The last layer, the activation map and all that is behind them stay in floating point.
/// </summary>
internal sealed class QuantizationPlan
{
    /// <summary>Left as they are on the way to the embedding: preparation of the pictures, views, means.</summary>
    private static readonly HashSet<string> Untouched =
        ["Cast", "Transpose", "Mul", "Add", "Slice", "Concat", "GlobalAveragePool", "Flatten", "MaxPool", "Relu", "Clip", "Reshape", "ReduceMean", "Identity"];

    private readonly Dictionary<string, TensorProto> _constants;
    private readonly ILookup<string, NodeProto> _readers;

    /// <summary>Plans a graph of <see cref="OnnxExporter"/>.</summary>
    /// <exception cref="InvalidDataException">It has something else on the way to the embedding.</exception>
    public QuantizationPlan(GraphProto graph)
    {
        _constants = graph.Initializer.ToDictionary(constant => constant.Name);
        _readers = graph.Node.SelectMany(node => node.Input.Distinct().Select(input => (input, node))).ToLookup(pair => pair.input, pair => pair.node);
        foreach (var node in BodyOf(graph))
        {
            Follow(node);
        }

        if (Weighted.Count == 0)
        {
            throw new InvalidDataException("The graph has no layer before its embedding that could be quantised.");
        }
    }

    /// <summary>The tensors that become bytes and are measured.</summary>
    public List<string> Measured { get; } = [];

    /// <summary>Tensors that become bytes of the same scale as another, because they have the same values.</summary>
    public Dictionary<string, string> Passed { get; } = [];

    /// <summary>Convolutions and dense layers whose weights become whole numbers.</summary>
    public HashSet<NodeProto> Weighted { get; } = [];

    /// <summary>Activations that saturation replaces, by the tensor before them.</summary>
    public Dictionary<string, NodeProto> Absorbed { get; } = [];

    private static IEnumerable<NodeProto> BodyOf(GraphProto graph)
    {
        var wanted = new HashSet<string> { ModelGraph.Embedding };
        var body = new HashSet<NodeProto>();
        foreach (var node in graph.Node.Reverse().Where(node => node.Output.Any(wanted.Contains)))
        {
            body.Add(node);
            wanted.UnionWith(node.Input);
        }

        return graph.Node.Where(body.Contains);
    }

    private void Follow(NodeProto node)
    {
        switch (node.OpType)
        {
            case "Conv" or "Gemm" when _constants.ContainsKey(node.Input[1]):
                ReadBytes(node.Input[0]);
                Weighted.Add(node);
                WriteBytes(node);
                break;
            case "Add" when !node.Input.Any(_constants.ContainsKey):
                ReadBytes(node.Input[0]);
                ReadBytes(node.Input[1]);
                WriteBytes(node);
                break;
            case "MaxPool" or "Flatten" when IsBytes(node.Input[0]):
                Passed[node.Output[0]] = node.Input[0];
                break;
            case var operation when !Untouched.Contains(operation):
                throw new InvalidDataException($"The graph has '{node.Name}', a {operation}, before its embedding: it is none that can be quantised.");
            default:
                break;
        }
    }

    private void ReadBytes(string tensor)
    {
        if (!IsBytes(tensor))
        {
            Measured.Add(tensor);
        }
    }

    /// <summary>An activation behind the node costs nothing where nobody else reads what is before it: bytes end where it ends.</summary>
    private void WriteBytes(NodeProto node)
    {
        var tensor = node.Output[0];
        if (_readers[tensor].ToArray() is [var reader] && IsRectifier(reader))
        {
            Absorbed[tensor] = reader;
            tensor = reader.Output[0];
        }

        Measured.Add(tensor);
    }

    private bool IsRectifier(NodeProto node) =>
        node.OpType == "Relu" || (node.OpType == "Clip" && _constants.TryGetValue(node.Input[1], out var floor) && MemoryMarshal.Read<float>(floor.RawData.Span) == 0);

    private bool IsBytes(string tensor) => Passed.ContainsKey(tensor) || Measured.Contains(tensor);
}
