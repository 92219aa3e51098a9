using Google.Protobuf;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx.Format;

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
        graph.Node.Insert(at + 1, OnnxGraph.NodeOf("Mul", "embedding.scaled", [Uncorrected, "embedding.factors"]));
        graph.Node.Insert(at + 2, OnnxGraph.NodeOf("Add", ModelGraph.Embedding, ["embedding.scaled", "embedding.summands"]));
        graph.Initializer.Add(OnnxGraph.ConstantOf<float>("embedding.factors", TensorProto.Types.DataType.Float, factors, dimensions));
        graph.Initializer.Add(OnnxGraph.ConstantOf<float>("embedding.summands", TensorProto.Types.DataType.Float, summands, dimensions));
    }

    private static float[][] Embeddings(ModelProto model, ImageCache pictures, IReadOnlyCollection<int> places) =>
        [.. OnnxSession.AskEach(model.ToByteArray(), pictures, places, [ModelGraph.Embedding]).Select(answer => answer[0])];
}
