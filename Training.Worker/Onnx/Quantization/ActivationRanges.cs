using System.Numerics.Tensors;
using Google.Protobuf;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx.Format;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Onnx.Quantization;

/// <summary>How a tensor's range follows from the values that pictures show.</summary>
internal enum RangeRule
{
    /// <summary>From the smallest value to the largest.</summary>
    Whole,

    /// <summary>The range whose bytes have the smallest mean square error.</summary>
    LeastError,
}

/// <summary>Measures which bytes fit the tensors of a graph, by asking it about pictures in full precision.</summary>
internal static class ActivationRanges
{
    /// <summary>How many pictures are worth asking about.</summary>
    public const int Pictures = 256;

    /// <summary>The bytes for each of the tensors.</summary>
    /// <param name="model">A graph of <see cref="OnnxExporter"/>.</param>
    /// <param name="pictures">Pictures like those that will be asked about; none of a split that judges.</param>
    /// <param name="places">The places of those that count, at least one.</param>
    public static Dictionary<string, ByteScale> Measure(
        ModelProto model, IReadOnlyList<string> tensors, ImageCache pictures, IReadOnlyCollection<int> places, RangeRule rule, CancellationToken cancellationToken)
    {
        var open = model.Clone();
        OnnxFile.LookAt(open.Graph, tensors);
        using var session = OnnxSession.Open(open.ToByteArray());

        var extremes = tensors.Select(_ => (Low: float.MaxValue, High: float.MinValue)).ToArray();
        Look((tensor, values) => extremes[tensor] = (
            Math.Min(extremes[tensor].Low, TensorPrimitives.Min(values)), Math.Max(extremes[tensor].High, TensorPrimitives.Max(values))));
        if (rule == RangeRule.Whole)
        {
            return tensors.Zip(extremes).ToDictionary(pair => pair.First, pair => ByteScale.Between(pair.Second.Low, pair.Second.High));
        }

        var histograms = extremes.Select(extreme => new ValueHistogram(extreme.Low, extreme.High)).ToArray();
        Look((tensor, values) => histograms[tensor].Add(values));
        return tensors.Zip(histograms).ToDictionary(pair => pair.First, pair => pair.Second.LeastError());

        // One picture at a time: all tensors of a picture are in memory at once.
        void Look(Action<int, ReadOnlySpan<float>> at)
        {
            foreach (var place in places)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var picture = new DenseTensor<byte>(pictures[place].ToArray(), [1, pictures.Size, pictures.Size, 3]);
                using var results = session.Run([NamedOnnxValue.CreateFromTensor("images", picture)], tensors);
                foreach (var (tensor, result) in results.Index())
                {
                    at(tensor, ((DenseTensor<float>)result.AsTensor<float>()).Buffer.Span);
                }
            }
        }
    }
}
