using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Quantization;

namespace Melanoma.Serving.Benchmarks;

/// <summary>A model that every side serves.</summary>
/// <param name="Onnx">The file that is served.</param>
/// <param name="EightBits">The one of eight bits.</param>
/// <param name="Side">Side of its square pictures, in pixels.</param>
/// <param name="Report">What the registry is told of it.</param>
internal sealed record ServedModel(string Name, byte[] Onnx, byte[] EightBits, int Side, ModelReport Report)
{
    public const string SeedFinalName = "seed-final";
    private const int Calibrating = 16;

    /// <summary>The numbers that the file computes with.</summary>
    public string Precision => ReferenceEquals(Onnx, EightBits) ? ModelProperties.EightBits : ModelProperties.FullPrecision;

    /// <summary>The model with the file that its report publishes, under a name of its own; null where that is the one in full precision.</summary>
    public ServedModel? Published => Report.Artefacts?.Serves == ModelProperties.EightBits ? this with { Name = $"{Name}, published", Onnx = EightBits } : null;

    /// <summary>The model that comes with the software.</summary>
    public static ServedModel Bundled(string folder)
    {
        var report = ModelReport.FromJson(File.ReadAllText(Path.Combine(folder, "report.json")));
        var onnx = File.ReadAllBytes(Path.Combine(folder, "model.onnx"));
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(onnx);
        return new ServedModel("bundled", onnx, File.ReadAllBytes(Path.Combine(folder, "model-int8.onnx")), ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap).InputSize, report);
    }

    /// <summary>The original notebook's last network with random weights: it knows nothing, and takes as long as one that does.</summary>
    /// <param name="like">A report to show.</param>
    /// <param name="pictures">Pictures by which the file of eight bits is calibrated.</param>
    public static ServedModel SeedFinal(ModelReport like, Pictures pictures)
    {
        var network = NetworkCatalogue.SeedFinal;
        var prior = Enumerable.Repeat(1.0 / Diagnoses.Count, Diagnoses.Count).ToArray();
        var properties = new ModelProperties(
            network.InputSize, SeedFinalName, 1, ModelProperties.NoDataset, "honest", prior, 1, OperatingPoints: null, DiagnosisSet.Empty, network.HasActivationMap);
        var onnx = OnnxExporter.Export(network, RandomWeights(network), OutputRule.Plain, properties.ToMetadata());
        return new ServedModel(SeedFinalName, onnx, Quantize(onnx, network.InputSize, pictures), network.InputSize, like with { Recipe = SeedFinalName, Artefacts = null });
    }

    private static byte[] Quantize(byte[] onnx, int side, Pictures pictures)
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var squares = File.Create(file))
            {
                var pixels = new byte[side * side * 3];
                for (var number = 0; number < Calibrating; number++)
                {
                    if (!ImageDecoder.TryDecodeToSquare(pictures.At(number), side, pixels, ImageLimits.Default, out var refusal))
                        throw new InvalidOperationException(refusal.Message);
                    squares.Write(pixels);
                }
            }

            using var cache = new ImageCache(file, side);
            return QuantizedExporter.Quantize(onnx, cache, [.. Enumerable.Range(0, Calibrating)]);
        }
        finally
        {
            File.Delete(file);
        }
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
