using System.Runtime.InteropServices;
using Google.Protobuf;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx.Format;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Onnx.Quantization;

/// <summary>
/// Takes out of the embedding what rounding does to it on average (after Nagel et al. 2019, bias correction, which they make behind each layer): each of its numbers becomes the least-squares estimate of what it is in
/// full precision, a factor and a summand from pictures that calibrate. It stands behind the layers of eight bits, in floating point, and costs nothing. The activation map stays as the
/// bytes give it: a factor that was found for means says little of single places.
/// </summary>
internal static class EmbeddingCorrection
{
    private const string Uncorrected = "embedding.uncorrected";

    /// <summary>A factor far from 1 is an accident of few pictures.</summary>
    private const double LeastFactor = 0.5, LargestFactor = 1.5;

    /// <summary>Changes a graph of eight bits.</summary>
    /// <param name="precise">The same in full precision.</param>
    /// <param name="places">The places of the pictures that calibrate.</param>
    public static void Apply(ModelProto quantized, ModelProto precise, ImageCache pictures, IReadOnlyCollection<int> places)
    {
        var (wanted, given) = (Embeddings(precise, pictures, places), Embeddings(quantized, pictures, places));
        var dimensions = wanted[0].Length;
        var (factors, summands) = (new float[dimensions], new float[dimensions]);
        for (var i = 0; i < dimensions; i++)
        {
            var (meanWanted, meanGiven) = (wanted.Average(row => (double)row[i]), given.Average(row => (double)row[i]));
            var variance = given.Average(row => (row[i] - meanGiven) * (row[i] - meanGiven));
            var covariance = wanted.Zip(given, (one, other) => (one[i] - meanWanted) * (other[i] - meanGiven)).Average();
            var factor = variance > 0 ? Math.Clamp(covariance / variance, LeastFactor, LargestFactor) : 1;
            (factors[i], summands[i]) = ((float)factor, (float)(meanWanted - (factor * meanGiven)));
        }

        var graph = quantized.Graph;
        var at = graph.Node.IndexOf(graph.Node.Single(node => node.Output[0] == ModelGraph.Embedding));
        graph.Node[at].Name = graph.Node[at].Output[0] = Uncorrected;
        graph.Node.Insert(at + 1, Node("Mul", "embedding.scaled", Uncorrected, "embedding.factors"));
        graph.Node.Insert(at + 2, Node("Add", ModelGraph.Embedding, "embedding.scaled", "embedding.summands"));
        graph.Initializer.Add(Constant("embedding.factors", factors));
        graph.Initializer.Add(Constant("embedding.summands", summands));
    }

    private static float[][] Embeddings(ModelProto model, ImageCache pictures, IReadOnlyCollection<int> places)
    {
        using var session = OnnxSession.Open(model.ToByteArray());
        return [.. places.AsParallel().AsOrdered().Select(place =>
        {
            var picture = new DenseTensor<byte>(pictures[place].ToArray(), [1, pictures.Size, pictures.Size, 3]);
            using var results = session.Run([NamedOnnxValue.CreateFromTensor(ModelGraph.Images, picture)], [ModelGraph.Embedding]);
            return results[0].AsEnumerable<float>().ToArray();
        })];
    }

    private static NodeProto Node(string operation, string output, string input, string constant)
    {
        var node = new NodeProto { Name = output, OpType = operation };
        node.Input.AddRange([input, constant]);
        node.Output.Add(output);
        return node;
    }

    private static TensorProto Constant(string name, float[] values)
    {
        var constant = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Float, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())) };
        constant.Dims.Add(values.Length);
        return constant;
    }
}
