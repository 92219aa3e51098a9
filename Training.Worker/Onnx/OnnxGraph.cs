using System.Runtime.InteropServices;
using Google.Protobuf;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.Training.Onnx;

/// <summary>Puts an ONNX graph together node by node; every node has one output, which takes the node's name.</summary>
internal sealed class OnnxGraph
{
    /// <summary>The operator set and file version written: both read by ONNX Runtime 1.18 and later.</summary>
    private const int Opset = 21;

    private const int IrVersion = 10;

    private readonly GraphProto _graph;

    /// <summary>An empty graph.</summary>
    public OnnxGraph(string name) => _graph = new GraphProto { Name = name };

    /// <summary>A graph with the inputs and outputs of another, and nothing between them yet.</summary>
    public OnnxGraph(GraphProto other)
    {
        _graph = new GraphProto { Name = other.Name };
        _graph.Input.AddRange(other.Input);
        _graph.Output.AddRange(other.Output);
    }

    /// <summary>What the nodes read and none of them writes, each once.</summary>
    public IEnumerable<string> Needs => _graph.Node.SelectMany(node => node.Input).Except(_graph.Node.SelectMany(node => node.Output));

    public string Input(string name, TensorProto.Types.DataType type, params ReadOnlySpan<int> shapeBehindBatch)
    {
        _graph.Input.Add(Value(name, type, shapeBehindBatch));
        return name;
    }

    public void Output(string name, params ReadOnlySpan<int> shapeBehindBatch) =>
        _graph.Output.Add(Value(name, TensorProto.Types.DataType.Float, shapeBehindBatch));

    public string Constant(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Numbers(name, TensorProto.Types.DataType.Float, values, shape);

    /// <summary>A list of whole numbers, as nodes take them that cut or shape something.</summary>
    public string Integers(string name, params ReadOnlySpan<long> values) => Numbers(name, TensorProto.Types.DataType.Int64, values, values.Length);

    /// <summary>A constant of any type.</summary>
    /// <param name="shape">Empty for a single number.</param>
    public string Numbers<T>(string name, TensorProto.Types.DataType type, ReadOnlySpan<T> values, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        Copy(ConstantOf(name, type, values, shape));
        return name;
    }

    /// <summary>A constant that is in no graph yet.</summary>
    /// <param name="shape">Empty for a single number.</param>
    public static TensorProto ConstantOf<T>(string name, TensorProto.Types.DataType type, ReadOnlySpan<T> values, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values)) };
        tensor.Dims.AddRange(shape.ToArray());
        return tensor;
    }

    /// <summary>Adds a node, or a constant, of another graph as it is.</summary>
    public void Copy(NodeProto node) => _graph.Node.Add(node);

    /// <inheritdoc cref="Copy(NodeProto)"/>
    public void Copy(TensorProto constant) => _graph.Initializer.Add(constant);

    public string Node(string operation, string output, IEnumerable<string> inputs, params IEnumerable<AttributeProto> attributes)
    {
        Copy(NodeOf(operation, output, inputs, attributes));
        return output;
    }

    /// <summary>A node that is in no graph yet.</summary>
    public static NodeProto NodeOf(string operation, string output, IEnumerable<string> inputs, params IEnumerable<AttributeProto> attributes)
    {
        var node = new NodeProto { Name = output, OpType = operation };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        node.Attribute.AddRange(attributes);
        return node;
    }

    public static AttributeProto Int(string name, long value) => new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    public static AttributeProto Ints(string name, params IEnumerable<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    /// <summary>The file's bytes.</summary>
    public byte[] ToModel(IEnumerable<KeyValuePair<string, string>> properties) => ToProto(properties).ToByteArray();

    /// <summary>The file before it is written.</summary>
    public ModelProto ToProto(IEnumerable<KeyValuePair<string, string>> properties)
    {
        var model = new ModelProto { IrVersion = IrVersion, ProducerName = "melanoma", Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = Opset });
        model.MetadataProps.AddRange(properties.Select(property => new StringStringEntryProto { Key = property.Key, Value = property.Value }));
        return model;
    }

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, ReadOnlySpan<int> shapeBehindBatch)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "N" });
        foreach (var side in shapeBehindBatch)
        {
            shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = side });
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } } };
    }
}
