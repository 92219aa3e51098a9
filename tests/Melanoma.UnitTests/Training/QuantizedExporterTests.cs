using CsCheck;
using Google.Protobuf.Collections;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;
using Melanoma.Training.Onnx.Quantization;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Melanoma.UnitTests.Training;

/// <summary>Served graphs in eight bits.</summary>
[Collection(TorchTests.Name)]
public sealed class QuantizedExporterTests
{
    private const int Pictures = 24;

    [Theory]
    [InlineData("quick", 128)]
    [InlineData("seed-final", 128)]
    [InlineData("seed-baseline", 128)]
    [InlineData("efficientnet-lite0", 64)]
    [InlineData("mobilenet-v2", 64)]
    [InlineData("resnet18", 64)]
    public void Should_answer_nearly_as_before_when_a_network_calculates_in_eight_bits(string name, int side)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name) with { InputSize = side };
        foreach (var seed in (int[])[1, 2, 3])
        {
            var (precise, quantized, pixels) = Make(description, seed);

            var (before, after) = (NetworkTests.Run(precise, pixels, side), NetworkTests.Run(quantized, pixels, side));

            Assert.Equal(before.Keys.Order(), after.Keys.Order());
            Assert.All(before.Keys, output => Assert.InRange(RelativeError(before[output], after[output]), 0, 0.1));
        }
    }

    [Fact]
    public void Should_answer_nearly_as_before_when_small_networks_are_made_at_random()
    {
        // A network of one or two channels may be all rounding: most must be near, and none far.
        var errors = new List<double>();
        Gen.Select(NetworkTests.Descriptions, Gen.Int[1, 1000], Gen.OneOfConst(1, SquareSymmetry.Count)).Sample(
            (description, seed, views) =>
            {
                var (precise, quantized, pixels) = Make(description, seed, views);
                var (before, after) = (NetworkTests.Run(precise, pixels, description.InputSize), NetworkTests.Run(quantized, pixels, description.InputSize));
                Assert.Equal(before.Keys.Order(), after.Keys.Order());
                Assert.All(before["probabilities"].Zip(after["probabilities"]), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 0.1));
                errors.Add(RelativeError(before["embedding"], after["embedding"]));
            },
            iter: 40,
            threads: 1);

        Assert.InRange(errors.Order().ElementAt(errors.Count * 8 / 10), 0, 0.05);
    }

    [Theory]
    [InlineData("quick", 128)]
    [InlineData("seed-final", 180)]
    [InlineData("efficientnet-lite0", 64)]
    [InlineData("resnet18", 64)]
    public void Should_leave_no_layer_in_floating_point_but_the_last_when_the_graph_is_run(string name, int side)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name) with { InputSize = side };
        var (precise, quantized, _) = Make(description, seed: 1, calibrating: 1);

        Assert.InRange(quantized.Length / (double)precise.Length, 0.2, 0.3);
        var counts = AsRun(quantized).CountBy(node => node.OpType).ToDictionary();
        var before = ModelProto.Parser.ParseFrom(precise).Graph.Node.CountBy(node => node.OpType).ToDictionary();
        var maps = description.HasActivationMap ? 1 : 0;
        Assert.Equal(before["Conv"] - maps, counts["QLinearConv"]);
        Assert.Equal(maps, counts.GetValueOrDefault("Conv") + counts.GetValueOrDefault("FusedConv"));
        Assert.Equal(before["Gemm"] - 1, counts.GetValueOrDefault("QGemm"));
        Assert.Equal(1, counts["Gemm"]);
        Assert.Equal(description.Layers.OfType<Residual>().Count(), counts.GetValueOrDefault("QLinearAdd"));
        Assert.DoesNotContain(counts.Keys, operation => operation is "Relu" or "Clip");
    }

    [Theory]
    [InlineData("quick", 128)]
    [InlineData("efficientnet-lite0", 64)]
    public void Should_say_the_same_on_average_when_the_pictures_are_those_that_calibrated(string name, int side)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name) with { InputSize = side };
        using var images = new TemporaryImages(side, Pictures, 6);
        using var network = NetworkTests.WithLifelikeWeights(description, seed: 1);
        var precise = OnnxExporter.Export(description, network.Weights(), OutputRule.Plain, []);
        var quantized = QuantizedExporter.Quantize(precise, images.Cache, [.. Enumerable.Range(0, Pictures)], cancellationToken: TestContext.Current.CancellationToken);
        byte[] pixels = [.. Enumerable.Range(0, Pictures).SelectMany(place => images.Cache[place].ToArray())];

        var (before, after) = (Means(NetworkTests.Run(precise, pixels, side)["embedding"]), Means(NetworkTests.Run(quantized, pixels, side)["embedding"]));

        var scale = before.Max(Math.Abs);
        Assert.All(before.Zip(after), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * scale));

        static double[] Means(float[] embeddings)
        {
            var dimensions = embeddings.Length / Pictures;
            return [.. Enumerable.Range(0, dimensions).Select(i => Enumerable.Range(0, Pictures).Average(row => (double)embeddings[(row * dimensions) + i]))];
        }
    }

    [Fact]
    public void Should_not_wrap_or_saturate_within_a_layer_when_all_products_are_as_large_as_can_be()
    {
        // White pictures are bytes of 255, and weights that are all alike are the largest there are.
        const int Side = 12;
        var description = new NetworkDescription("white", Side, Normalization.ZeroToOne,
            [new Convolution(8, 3, Padding: Padding.Valid), new Relu(), new DepthwiseConvolution(3, Padding: Padding.Valid), new Relu(), new Flatten(), new Dense(4), new Relu(), new Dense(Diagnoses.Count)]);
        using var network = new Network(description, seed: 1);
        var weights = network.Weights();
        foreach (var slot in description.Slots())
        {
            weights[slot.Name].Values.AsSpan().Fill(slot.Role == WeightRole.Bias ? 0 : 0.05f);
        }

        var white = Enumerable.Repeat(byte.MaxValue, Side * Side * 3).ToArray();
        using var images = new Squares(Side, white);
        var precise = OnnxExporter.Export(description, weights, OutputRule.Plain, []);

        var quantized = QuantizedExporter.Quantize(precise, images.Cache, [0], cancellationToken: TestContext.Current.CancellationToken);

        Assert.InRange(RelativeError(NetworkTests.Run(precise, white, Side)["embedding"], NetworkTests.Run(quantized, white, Side)["embedding"]), 0, 0.01);
    }

    [Fact]
    public void Should_stop_at_the_end_of_the_range_when_a_picture_is_brighter_than_all_that_were_measured()
    {
        const int Side = 8;
        var description = new NetworkDescription("bright", Side, Normalization.ZeroToOne, [new Convolution(2, 1), new Relu(), new GlobalAveragePool(), new Dense(Diagnoses.Count)]);
        using var network = new Network(description, seed: 1);
        var weights = network.Weights();
        weights["0.weight"].Values.AsSpan().Fill(1);
        weights["0.bias"].Values.AsSpan().Clear();
        using var grey = new Squares(Side, [.. Enumerable.Repeat((byte)51, Side * Side * 3)]);
        var white = Enumerable.Repeat(byte.MaxValue, Side * Side * 3).ToArray();

        var quantized = QuantizedExporter.Quantize(OnnxExporter.Export(description, weights, OutputRule.Plain, []), grey.Cache, [0], RangeRule.Whole, cancellationToken: TestContext.Current.CancellationToken);

        Assert.All(NetworkTests.Run(quantized, white, Side)["embedding"], value => Assert.Equal(0.6f, value, 1e-3f));
    }

    [Fact]
    public void Should_keep_the_properties_and_say_what_it_is_when_a_model_is_quantized()
    {
        var properties = new ModelProperties(24, "quick", 1, 1, "honest", [.. Enumerable.Repeat(1.0 / 9, 9)], 1.5, null, DiagnosisSet.Of(), HasActivationMap: true);
        var (_, quantized, _) = Make(NetworkCatalogue.Quick with { InputSize = 24 }, seed: 1, properties: properties);

        using var session = new InferenceSession(quantized);
        var read = ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap);

        Assert.Equal(ModelProperties.EightBits, read.Precision);
        Assert.Equal(properties.ToMetadata().Where(property => property.Key != ModelProperties.PrecisionKey).ToHashSet(), session.ModelMetadata.CustomMetadataMap.Where(property => property.Key != ModelProperties.PrecisionKey).ToHashSet());
    }

    [Fact]
    public void Should_say_what_it_does_not_know_when_a_graph_has_something_else_before_its_embedding()
    {
        using var images = new TemporaryImages(8, 2, 2);
        var graph = new OnnxGraph("odd");
        var floats = graph.Node("Cast", "floats", [graph.Input("images", TensorProto.Types.DataType.Uint8, 8, 8, 3)], OnnxGraph.Int("to", (long)TensorProto.Types.DataType.Float));
        graph.Node("Sigmoid", "embedding", [floats]);
        graph.Output("embedding", 8, 8, 3);
        var (_, quantized, _) = Make(NetworkCatalogue.Quick with { InputSize = 24 }, seed: 1);

        Assert.Contains("'embedding', a Sigmoid", Refusal(graph.ToModel([])), StringComparison.Ordinal);
        Assert.Contains("a QuantizeLinear", Refusal(quantized), StringComparison.Ordinal);
        Assert.Contains("no ONNX file", Refusal([1, 2, 3]), StringComparison.Ordinal);

        string Refusal(byte[] model) => Assert.Throws<InvalidDataException>(() => QuantizedExporter.Quantize(model, images.Cache, [0, 1])).Message;
    }

    [Fact]
    public void Should_find_narrower_bytes_when_a_few_values_are_far_out()
    {
        var random = SplitMix64.At(3);
        float[] values = [.. Enumerable.Range(0, 20_000).Select(_ => (float)random.Between(-1, 1))];
        const float Outlier = 40;
        const int Times = 100;
        var histogram = new ValueHistogram(-1, Outlier);
        for (var i = 0; i < Times; i++)
        {
            histogram.Add(values);
        }

        histogram.Add([Outlier]);

        var (found, whole) = (histogram.LeastError(), ByteScale.Between(-1, Outlier));

        Assert.True(Error(found) < Error(whole), $"{Error(found)} and {Error(whole)}");
        Assert.InRange(found.Unit, 1.5f / 255, 20f / 255);
        Assert.Equal(new ByteScale(6f / 255, 0), ByteScale.Between(0, 6));
        Assert.Equal(new ByteScale(2f / 255, 128), ByteScale.Between(-1, 1));

        double Error(ByteScale scale) => (Times * values.Sum(value => Square(scale, value))) + Square(scale, Outlier);

        static double Square(ByteScale scale, float value) => Math.Pow((scale.Unit * (Math.Clamp(Math.Round(value / scale.Unit) + scale.Zero, 0, 255) - scale.Zero)) - value, 2);
    }

    /// <summary>A model in both precisions, and pictures that it was not calibrated on.</summary>
    private static (byte[] Precise, byte[] Quantized, byte[] Pixels) Make(
        NetworkDescription description, int seed, int views = 1, int calibrating = Pictures, ModelProperties? properties = null)
    {
        using var images = new TemporaryImages(description.InputSize, 2 * Pictures, 6);
        using var network = NetworkTests.WithLifelikeWeights(description, seed);
        var precise = OnnxExporter.Export(description, network.Weights(), OutputRule.Plain with { Temperature = 4 }, properties?.ToMetadata() ?? new Dictionary<string, string>(), views);
        var quantized = QuantizedExporter.Quantize(precise, images.Cache, [.. Enumerable.Range(0, calibrating)]);
        return (precise, quantized, [.. Enumerable.Range(Pictures, Pictures).SelectMany(place => images.Cache[place].ToArray())]);
    }

    /// <summary>The graph as ONNX Runtime runs it.</summary>
    private static RepeatedField<NodeProto> AsRun(byte[] model)
    {
        var file = Path.GetTempFileName();
        try
        {
            using var options = new SessionOptions { OptimizedModelFilePath = file, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            using var session = new InferenceSession(model, options);
            return ModelProto.Parser.ParseFrom(File.ReadAllBytes(file)).Graph.Node;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static double RelativeError(float[] expected, float[] actual) =>
        Math.Sqrt(expected.Zip(actual, (one, other) => Math.Pow(one - other, 2)).Sum() / Math.Max(1e-9, expected.Sum(value => (double)value * value)));

    /// <summary>Pictures with given pixels.</summary>
    private sealed class Squares : IDisposable
    {
        private readonly string _path = Path.GetTempFileName();

        public Squares(int side, byte[] pixels)
        {
            File.WriteAllBytes(_path, pixels);
            Cache = new ImageCache(_path, side);
        }

        public ImageCache Cache { get; }

        public void Dispose()
        {
            Cache.Dispose();
            File.Delete(_path);
        }
    }
}
