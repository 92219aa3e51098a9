using Google.Protobuf;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Artefacts;

/// <summary>What a file says of pictures before its temperature, in their order.</summary>
/// <param name="Logits">At the stated prior, nine for each picture; what the file knows nothing of is not masked.</param>
/// <param name="Distances">One for each picture, where the file can tell; else empty.</param>
internal sealed record OnnxAnswers(float[] Logits, double[] Distances)
{
    /// <summary>Asks a graph of <see cref="OnnxExporter"/> about each picture alone, as it is served; the pictures go side by side.</summary>
    public static OnnxAnswers Of(ModelProto file, ImageCache images, IReadOnlyList<Sample> samples)
    {
        var open = file.Clone();
        string[] wanted = open.Graph.Output.Any(output => output.Name == ModelGraph.Distance)
            ? [OnnxExporter.LogitsAtPrior, ModelGraph.Distance]
            : [OnnxExporter.LogitsAtPrior];
        OnnxFile.LookAt(open.Graph, wanted);
        using var session = OnnxSession.Open(open.ToByteArray());
        var logits = new float[samples.Count * Diagnoses.Count];
        var distances = new double[wanted.Length > 1 ? samples.Count : 0];
        Parallel.For(0, samples.Count, at =>
        {
            var picture = new DenseTensor<byte>(images[samples[at].Image].ToArray(), [1, images.Size, images.Size, 3]);
            using var results = session.Run([NamedOnnxValue.CreateFromTensor(ModelGraph.Images, picture)], wanted);
            ((DenseTensor<float>)results[0].AsTensor<float>()).Buffer.Span.CopyTo(logits.AsSpan(at * Diagnoses.Count));
            if (distances.Length > 0)
            {
                distances[at] = results[1].AsTensor<float>().GetValue(0);
            }
        });
        return new OnnxAnswers(logits, distances);
    }
}
