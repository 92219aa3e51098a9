using Melanoma.Testing;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class EfficientNetLiteTests
{
    /// <summary>Parameters with ImageNet's head of 1,000 classes, as published.</summary>
    [Theory]
    [InlineData("efficientnet-lite0", 4_652_008)]
    [InlineData("efficientnet-lite2", 6_092_072)]
    public void Should_have_the_published_parameter_count_when_a_network_is_described(string name, long published)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name);
        Assert.Equal(published - (1000 * 1281), description.ParameterCount - (9 * 1281));
    }

    /// <summary>The expected embeddings were computed by a PyTorch module written apart from this code, on the same drawn picture.</summary>
    [Theory]
    [InlineData("efficientnet_lite0_imagenet.safetensors", "efficientnet-lite0", 0.13712323, 14.705047, 626, 4.4652033)]
    [InlineData("efficientnet_lite2_imagenet.safetensors", "efficientnet-lite2", 0.13628253, 13.271799, 302, 3.414162)]
    public void Should_give_the_embedding_of_another_program_when_ImageNet_weights_are_imported(
        string file, string name, double mean, double norm, int largestAt, double largest)
    {
        var (description, weights) = PublishedWeights.Recognize(File.ReadAllBytes(SharedData.Require(file)));
        Assert.Equal(name, description.Name);
        using var network = new Network(description, seed: 1);
        network.Load(weights);

        using var scope = NewDisposeScope();
        var pixels = ParityCheck.Smooth(1, description.InputSize);
        var embedding = Network.Values(network.Forward(tensor(pixels, [1, description.InputSize, description.InputSize, 3]), training: false).Embedding);

        Assert.Equal(mean, embedding.Average(), 4);
        Assert.Equal(norm, Math.Sqrt(embedding.Sum(value => (double)value * value)), 3);
        Assert.Equal(largestAt, embedding.IndexOf(embedding.Max()));
        Assert.Equal(largest, embedding.Max(), 3);
    }

    [Theory]
    [InlineData(96)]
    [InlineData(161)]
    public void Should_serve_the_same_embedding_when_ImageNet_weights_are_exported_at_another_size(int side)
    {
        var description = EfficientNetLite.Lite0 with { InputSize = side };
        var weights = PublishedWeights.For(description, File.ReadAllBytes(SharedData.Require("efficientnet_lite0_imagenet.safetensors")));
        using var network = new Network(description, seed: 1);
        network.Load(weights);
        byte[] pixels = [.. ParityCheck.Smooth(2, side), .. ParityCheck.Noise(2, side)];
        using var scope = NewDisposeScope();
        var expected = Network.Values(network.Forward(tensor(pixels, [4, side, side, 3]), training: false).Embedding);

        using var session = new InferenceSession(OnnxExporter.Export(description, weights, OutputRule.Plain, []));
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [4, side, side, 3]))], ["embedding"]);

        Assert.All(results[0].AsEnumerable<float>().Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
    }
}
