using Google.Protobuf;
using Melanoma.Contracts.Models;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.Training.Onnx;

/// <summary>Reads ONNX files, and opens them to look inside.</summary>
internal static class OnnxFile
{
    /// <exception cref="InvalidDataException">The bytes are no ONNX file.</exception>
    public static ModelProto Parse(byte[] model)
    {
        try
        {
            return ModelProto.Parser.ParseFrom(model);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException("The model is no ONNX file.", exception);
        }
    }

    /// <summary>What a file says of itself.</summary>
    /// <exception cref="FormatException">It says nothing, or something that cannot be read.</exception>
    public static ModelProperties PropertiesOf(ModelProto model) =>
        ModelProperties.FromMetadata(model.MetadataProps.ToDictionary(property => property.Key, property => property.Value));

    /// <summary>Makes tensors inside a graph, of single precision, its outputs.</summary>
    public static void LookAt(GraphProto graph, IEnumerable<string> tensors)
    {
        graph.Output.Clear();
        graph.Output.AddRange(tensors.Select(name => new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float } },
        }));
    }
}
