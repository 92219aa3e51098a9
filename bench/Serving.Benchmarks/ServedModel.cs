using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;

namespace Melanoma.Serving.Benchmarks;

/// <summary>A model that every side serves.</summary>
/// <param name="Onnx">The file.</param>
/// <param name="Side">Side of its square pictures, in pixels.</param>
/// <param name="Report">What the registry is told of it.</param>
internal sealed record ServedModel(string Name, byte[] Onnx, int Side, ModelReport Report)
{
    private const string SeedFinalName = "seed-final";

    /// <summary>The model that comes with the software.</summary>
    public static ServedModel Bundled(string folder)
    {
        var report = ModelReport.FromJson(File.ReadAllText(Path.Combine(folder, "report.json")));
        var onnx = File.ReadAllBytes(Path.Combine(folder, "model.onnx"));
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(onnx);
        return new ServedModel("bundled", onnx, ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap).InputSize, report);
    }

    /// <summary>The original notebook's last network with random weights: it knows nothing, and takes as long as one that does.</summary>
    public static ServedModel SeedFinal(ModelReport like)
    {
        var network = NetworkCatalogue.SeedFinal;
        var prior = Enumerable.Repeat(1.0 / Diagnoses.Count, Diagnoses.Count).ToArray();
        var properties = new ModelProperties(
            network.InputSize, SeedFinalName, 1, ModelProperties.NoDataset, "honest", prior, 1, OperatingPoints: null, DiagnosisSet.Empty, network.HasActivationMap);
        var onnx = OnnxExporter.Export(network, RandomWeights(network), OutputRule.Plain, properties.ToMetadata());
        return new ServedModel(SeedFinalName, onnx, network.InputSize, like with { Recipe = SeedFinalName });
    }

    // As wide as He et al. (2015) start them, so that no layer's numbers vanish: denormal ones would be slow.
    private static Dictionary<string, Weight> RandomWeights(NetworkDescription network)
    {
        var random = new Random(1);
        return network.Slots().ToDictionary(slot => slot.Name, slot =>
        {
            var width = slot.Role == WeightRole.Kernel ? Math.Sqrt(6.0 / slot.Shape.Skip(1).Aggregate(1L, (product, side) => product * side)) : 0;
            return new Weight(slot.Shape, [.. Enumerable.Range(0, (int)slot.Count).Select(_ => (float)(((2 * random.NextDouble()) - 1) * width))]);
        });
    }
}
