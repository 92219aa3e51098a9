using System.Runtime.InteropServices;
using Melanoma.Contracts;
using Melanoma.Testing;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;
using Melanoma.Training.Recipes;
using Melanoma.Training.WarmStart;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

/// <summary>Weights taken out of served graphs.</summary>
[Collection(TorchTests.Name)]
public sealed class FoldedWeightsTests
{
    /// <summary>Normalisations behind convolutions of each kind, with a bias of their own and without, and in blocks and their shortcuts.</summary>
    private static readonly NetworkDescription Mixed = new("mixed", 24, Normalization.MinusOneToOne,
    [
        new Convolution(6, 3, 2), new BatchNormalization(), new Relu6(),
        new Residual([new Convolution(12, 1, Bias: false), new BatchNormalization(1e-2), new Residual([new DepthwiseConvolution(3), new BatchNormalization()]), new Convolution(6, 1)]),
        new Residual([new Convolution(8, 3, 2, Bias: false), new BatchNormalization()]) { Shortcut = [new Convolution(8, 1, 2, Bias: false), new BatchNormalization(1e-4)] },
        new DepthwiseConvolution(3, 2, Bias: false), new BatchNormalization(), new Flatten(), new Dense(5), new Relu(), new Dense(Diagnoses.Count),
    ]);

    [Fact]
    public void Should_answer_as_before_at_rest_and_nearly_so_in_training_when_the_weights_of_a_graph_are_unfolded()
    {
        using var images = new TemporaryImages(Mixed.InputSize, 64, 5);
        using var served = NetworkTests.WithLifelikeWeights(Mixed, seed: 4);
        var model = OnnxExporter.Export(Mixed, served.Weights(), OutputRule.Plain, []);
        using var network = new Network(Mixed, seed: 9);

        var weights = FoldedWeights.Read(Mixed, model);
        network.Load(weights);
        Assert.InRange(ParityCheck.Require(network, OutputRule.Plain, model, []), 0, 1e-4);
        using var pixels = new PixelSource(images.Cache, CPU, 0);
        using var scope = NewDisposeScope();
        var pictures = pixels.Batch([.. Enumerable.Range(0, images.Cache.Count)]);
        var before = network.Forward(pictures, training: false).Embedding;
        var strange = (network.Forward(pictures, training: true).Embedding - before).abs().mean().item<float>();

        FoldedWeights.Unfold(Mixed, weights, images.Cache, [.. Enumerable.Range(0, images.Cache.Count)], CancellationToken.None);

        network.Load(weights);
        Assert.InRange(ParityCheck.Require(network, OutputRule.Plain, model, []), 0, 1e-4);
        var familiar = (network.Forward(pictures, training: true).Embedding - before).abs().mean().item<float>();
        Assert.True(familiar < strange / 50, $"{familiar} after {strange}");
    }

    [Fact]
    public void Should_answer_as_the_bundled_model_does_when_standard_starts_from_it()
    {
        var model = File.ReadAllBytes(Path.Combine(Repository.Root, "models", "model.onnx"));
        var constants = ModelProto.Parser.ParseFrom(model).Graph.Initializer
            .ToDictionary(tensor => tensor.Name, tensor => MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray());
        var rule = new OutputRule(
            constants["temperature"][0], [.. constants["unsupported.mask"].Select(mask => mask == 0)], [.. constants["prior.offset"].Select(offset => (double)offset)]);
        var description = TrainingRecipes.Newest("standard").Network;
        using var images = new TemporaryImages(description.InputSize, 8, 4);
        using var network = new Network(description, seed: 9);

        var weights = FoldedWeights.Read(description, model);
        FoldedWeights.Unfold(description, weights, images.Cache, [.. Enumerable.Range(0, images.Cache.Count)], CancellationToken.None);

        network.Load(weights);
        Assert.InRange(ParityCheck.Require(network, rule, model, []), 0, 1e-4);
    }

    [Fact]
    public void Should_name_what_does_not_fit_when_the_graph_is_of_another_network()
    {
        using var quick = new Network(NetworkCatalogue.Quick, seed: 1);
        var model = OnnxExporter.Export(NetworkCatalogue.Quick, quick.Weights(), OutputRule.Plain, []);
        var shorter = NetworkCatalogue.Quick with { Layers = [.. NetworkCatalogue.Quick.Layers[..3], new GlobalAveragePool(), new Dense(Diagnoses.Count)] };

        Assert.Contains("'0.weight' is [32, 3, 3, 3]", Refusal(NetworkCatalogue.SeedBaseline, model), StringComparison.Ordinal);
        Assert.Contains("another network than quick", Refusal(shorter, model), StringComparison.Ordinal);
        Assert.Contains("no ONNX file", Refusal(NetworkCatalogue.Quick, [1, 2, 3]), StringComparison.Ordinal);

        static string Refusal(NetworkDescription description, byte[] model) => Assert.Throws<InvalidDataException>(() => FoldedWeights.Read(description, model)).Message;
    }
}
