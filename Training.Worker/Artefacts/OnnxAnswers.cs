using Google.Protobuf;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.Training.Artefacts;

/// <summary>What a file says of pictures before its temperature, in their order.</summary>
/// <param name="Logits">At the stated prior, nine for each picture; what the file knows nothing of is not masked.</param>
/// <param name="Distances">One for each picture, where the file can tell; else empty.</param>
internal sealed record OnnxAnswers(float[] Logits, double[] Distances)
{
    /// <summary>Asks a graph of <see cref="OnnxExporter"/> about each picture alone, as it is served.</summary>
    public static OnnxAnswers Of(ModelProto file, ImageCache images, IReadOnlyList<Sample> samples)
    {
        var open = file.Clone();
        string[] wanted = open.Graph.Output.Any(output => output.Name == ModelGraph.Distance)
            ? [OnnxExporter.LogitsAtPrior, ModelGraph.Distance]
            : [OnnxExporter.LogitsAtPrior];
        OnnxFile.LookAt(open.Graph, wanted);
        var answers = OnnxSession.AskEach(open.ToByteArray(), images, [.. samples.Select(sample => sample.Image)], wanted);
        return new OnnxAnswers([.. answers.SelectMany(answer => answer[0])], wanted.Length > 1 ? [.. answers.Select(answer => (double)answer[1][0])] : []);
    }
}
