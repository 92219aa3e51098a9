using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.WarmStart;

/// <summary>
/// The weights of a served graph, in which normalisations are folded into the convolutions before them, as weights that can be trained on. The network gives the same answers; its
/// normalisations have the statistics that pictures show, because in training they work with those of the batch.
/// </summary>
internal static class FoldedWeights
{
    private const int PicturesAtOnce = 4;

    /// <summary>Reads the weights out of an ONNX file of <see cref="OnnxExporter"/>. Normalisations change nothing and know no statistics yet.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or of another network.</exception>
    public static Dictionary<string, Weight> Read(NetworkDescription description, byte[] model)
    {
        var constants = OnnxFile.Parse(model).Graph.Initializer.ToDictionary(tensor => tensor.Name);
        var weights = new Dictionary<string, Weight>();
        float[] bias = [];
        foreach (var slot in description.Slots())
        {
            var path = slot.Name[..slot.Name.LastIndexOf('.')];
            var values = slot.Role switch
            {
                WeightRole.Kernel or WeightRole.DepthwiseKernel => Take(slot.Name, slot.Shape),
                WeightRole.Bias => bias,
                WeightRole.Scale => [.. Enumerable.Repeat(1f, (int)slot.Count)],
                WeightRole.RunningVariance => [.. Enumerable.Repeat((float)(1 - EpsilonAt(description, path)), (int)slot.Count)],
                _ => new float[slot.Count],
            };
            weights[slot.Name] = new Weight(slot.Shape, values);
            bias = slot.Role switch
            {
                // The file has one bias for a convolution and what is behind it: the first of them that can have one takes it.
                WeightRole.Kernel or WeightRole.DepthwiseKernel => Take($"{path}.bias", [slot.Shape[0]]),
                WeightRole.Bias => new float[slot.Count],
                _ => bias,
            };
        }

        return constants.Keys.FirstOrDefault(IsOfLayer) is { } more
            ? throw new InvalidDataException($"The model has another network than {description.Name}: it has '{more}' besides.")
            : weights;

        float[] Take(string name, long[] shape) =>
            constants.Remove(name, out var tensor) && tensor.Dims.SequenceEqual(shape) && tensor.RawData.Length == sizeof(float) * shape.Aggregate((product, side) => product * side)
                ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray()
                : throw new InvalidDataException($"The model has another network than {description.Name}, whose '{name}' is [{string.Join(", ", shape)}].");
    }

    /// <summary>Gives every normalisation the statistics of what comes to it, and the scale and shift that undo them, so that the answers stay as they are.</summary>
    /// <param name="weights">As <see cref="Read"/> gives them; they are changed.</param>
    /// <param name="pictures">Pictures to take the statistics of, at least one.</param>
    /// <param name="places">Their places.</param>
    /// <exception cref="OperationCanceledException">Stopped; the weights are as they were.</exception>
    public static void Unfold(NetworkDescription description, Dictionary<string, Weight> weights, ImageCache pictures, int[] places, CancellationToken cancellationToken)
    {
        var normalizations = description.Slots().Where(slot => slot.Role == WeightRole.Scale).Select(slot => slot.Name[..slot.Name.LastIndexOf('.')]).ToArray();
        var moments = Moments(description, weights, normalizations, pictures, places, cancellationToken);
        foreach (var (path, (means, squares)) in normalizations.Zip(moments))
        {
            var epsilon = EpsilonAt(description, path);
            var shift = weights[$"{path}.bias"];
            double[] variances = [.. means.Zip(squares, (mean, square) => Math.Max(0, square - (mean * mean)))];
            weights[$"{path}.weight"] = shift with { Values = [.. variances.Select(variance => (float)Math.Sqrt(variance + epsilon))] };
            weights[$"{path}.running_var"] = shift with { Values = [.. variances.Select(variance => (float)variance)] };
            weights[$"{path}.running_mean"] = shift with { Values = [.. means.Zip(shift.Values, (mean, value) => (float)(mean - value))] };
            weights[$"{path}.bias"] = shift with { Values = [.. means.Select(mean => (float)mean)] };
        }
    }

    /// <summary>The means and mean squares, per channel, of what stands behind normalisations.</summary>
    private static List<(double[] Means, double[] Squares)> Moments(
        NetworkDescription description, Dictionary<string, Weight> weights, string[] normalizations, ImageCache pictures, int[] places, CancellationToken cancellationToken)
    {
        var graph = OnnxFile.Parse(OnnxExporter.ExportBare(description, weights));
        string[] outputs = [.. normalizations.SelectMany(path => AddMoments(graph.Graph, path))];
        OnnxFile.LookAt(graph.Graph, outputs);
        using var session = OnnxSession.Open(graph.ToByteArray());
        var sums = new double[outputs.Length][];
        foreach (var batch in places.Chunk(PicturesAtOnce))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var pixels = batch.SelectMany(place => pictures[place].ToArray()).ToArray();
            using var results = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [batch.Length, pictures.Size, pictures.Size, 3]))], outputs);
            foreach (var (output, result) in results.Index())
            {
                var values = ((DenseTensor<float>)result.AsTensor<float>()).Buffer.Span;
                sums[output] ??= new double[values.Length / batch.Length];
                for (var i = 0; i < values.Length; i++)
                {
                    sums[output][i % sums[output].Length] += values[i] / (double)places.Length;
                }
            }
        }

        return [.. sums.Chunk(2).Select(pair => (pair[0], pair[1]))];
    }

    private static string[] AddMoments(GraphProto graph, string path)
    {
        // The normalisation was folded into the convolution before it, so that what the convolution gives stands behind both.
        var dot = path.LastIndexOf('.') + 1;
        var before = int.Parse(path[dot..], CultureInfo.InvariantCulture) - 1;
        var convolution = $"{NetworkDescription.PathOf(path[..dot], before)}.convolution";
        var (square, mean, meanSquare) = ($"{path}.square", $"{path}.mean", $"{path}.mean_square");
        graph.Node.Add(OnnxGraph.NodeOf("Mul", square, [convolution, convolution]));
        graph.Node.Add(OnnxGraph.NodeOf("GlobalAveragePool", mean, [convolution]));
        graph.Node.Add(OnnxGraph.NodeOf("GlobalAveragePool", meanSquare, [square]));
        return [mean, meanSquare];
    }

    /// <summary>Whether a constant is a weight of a layer: a path of numbers, then the role.</summary>
    private static bool IsOfLayer(string name) => char.IsAsciiDigit(name[0]) && (name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal));

    private static double EpsilonAt(NetworkDescription description, string path) => ((BatchNormalization)description.LayerAt(path)).Epsilon;
}
