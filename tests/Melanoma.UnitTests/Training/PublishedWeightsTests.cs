using System.IO.Compression;
using Melanoma.Imaging;
using Melanoma.Testing;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class PublishedWeightsTests
{
    private const string MobileNetFile = "mobilenet_v2_imagenet.safetensors";

    /// <summary>Of a layer's stored means and those of a few pictures: 0.89 was measured in the first layer, 0.99 and more behind it. Another layer's are far off.</summary>
    private const double LeastCosine = 0.8;

    /// <summary>Parameters with a head of 1,000 classes, as published, and without it.</summary>
    [Theory]
    [InlineData("mobilenet-v2", 3_504_872, 1280)]
    [InlineData("resnet18", 11_689_512, 512)]
    [InlineData("resnet34", 21_797_672, 512)]
    public void Should_have_the_published_parameter_count_when_a_network_is_described(string name, long published, int embedding)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name);

        Assert.Equal(published - (1000 * (embedding + 1)), description.ParameterCount - (9 * (embedding + 1)));
        Assert.True(description.HasActivationMap);
    }

    [Fact]
    public void Should_use_every_tensor_but_head_and_counters_when_MobileNetV2_is_read()
    {
        var bytes = File.ReadAllBytes(SharedData.Require(MobileNetFile));
        var file = SafeTensors.Read(bytes, name => !name.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Tensors;

        var (network, weights) = PublishedWeights.Recognize(bytes);

        Assert.Equal("mobilenet-v2", network.Name);
        var head = weights.Where(weight => weight.Value.Values.All(value => value == 0)).Select(weight => weight.Key);
        Assert.Equal(network.Slots().TakeLast(2).Select(slot => slot.Name), head);
        Assert.Equal(
            file.Where(tensor => !tensor.Key.StartsWith("classifier", StringComparison.Ordinal)).Select(tensor => tensor.Value.Values.Sum()).Order(),
            weights.Where(weight => !head.Contains(weight.Key)).Select(weight => weight.Value.Values.Sum()).Order());
    }

    /// <summary>
    /// The file's running statistics were taken from dermoscopic pictures: where every layer has its own tensors, such pictures have them again. Padding and
    /// the pixels' scale hardly show in them.
    /// </summary>
    [Fact]
    public void Should_see_the_files_own_statistics_when_MobileNetV2_looks_at_dermoscopic_pictures()
    {
        const int Pictures = 12;
        var (description, weights) = PublishedWeights.Recognize(File.ReadAllBytes(SharedData.Require(MobileNetFile)));
        using var network = new Network(description, seed: 1);
        network.Load(weights);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var pixels = tensor(DermoscopicPictures(Pictures, description.InputSize), [Pictures, description.InputSize, description.InputSize, 3]);
        var embeddings = network.Forward(pixels, training: false).Embedding;

        network.Forward(pixels, training: true);

        // The running mean has moved by a tenth of the way to that of these pictures, in every one of 52 layers.
        var moved = network.Weights();
        var alike = weights.Where(weight => weight.Key.EndsWith(".running_mean", StringComparison.Ordinal)).Select(weight => (
            weight.Key,
            Cosine: Cosine(weight.Value.Values, [.. weight.Value.Values.Zip(moved[weight.Key].Values, (stored, now) => stored + ((now - stored) / 0.1f))]))).ToArray();
        Assert.Equal(52, alike.Length);
        Assert.All(alike, layer => Assert.InRange(layer.Cosine, LeastCosine, 1.0001));
        Assert.InRange(Cosine(Network.Values(embeddings[0]), Network.Values(embeddings[1])), 0, 0.99);
    }

    /// <summary>The names and shapes of torchvision's resnet18, written down apart from the network, with counters and a head of 1,000 classes.</summary>
    [Fact]
    public void Should_take_every_tensor_to_its_layer_when_a_ResNet_is_read()
    {
        var published = ResNet18();

        var weights = PublishedWeights.For(ResNet.Depth18 with { InputSize = 64 }, SafeTensors.Write(published, new Dictionary<string, string>()));

        // A stage is two blocks, each with a ReLU behind it; they begin behind the stem of four layers.
        Assert.Equal(published["conv1.weight"].Values, weights["0.weight"].Values);
        Assert.Equal(published["layer1.1.bn2.running_var"].Values, weights["6.4.running_var"].Values);
        Assert.Equal(published["layer2.0.downsample.0.weight"].Values, weights["8.shortcut.0.weight"].Values);
        Assert.Equal(published["layer4.0.downsample.1.bias"].Values, weights["16.shortcut.1.bias"].Values);
        Assert.Equal(published["layer4.1.conv2.weight"].Values, weights["18.3.weight"].Values);
        Assert.All(weights["21.weight"].Values, value => Assert.Equal(0, value));
        Assert.Equal(ResNet.Depth18.Slots().Count, weights.Count);
    }

    [Fact]
    public void Should_say_what_was_expected_and_what_was_found_when_weights_do_not_fit()
    {
        Assert.Equal(
            "The weights do not fit mobilenet-v2 under torchvision's names: 'features.0.0.weight' must be [32, 3, 3, 3] and is missing. The file is of resnet18.",
            Refusal(MobileNetV2.Width1, _ => { }));
        Assert.Contains("'bn1.running_var' must be [64] and is missing. The file has 101 tensors, 'bn1.bias' among them.", Refusal(ResNet.Depth18, file => file.Remove("bn1.running_var")), StringComparison.Ordinal);
        Assert.Contains("'conv1.weight' must be [64, 3, 7, 7] and is [1].", Refusal(ResNet.Depth18, file => file["conv1.weight"] = new Weight([1], [0])), StringComparison.Ordinal);
        Assert.Contains("the network has no 'layer5.0.conv1.weight'.", Refusal(ResNet.Depth18, file => file["layer5.0.conv1.weight"] = new Weight([1], [0])), StringComparison.Ordinal);
        Assert.StartsWith("quick starts from random weights", Refusal(NetworkCatalogue.Quick, _ => { }), StringComparison.Ordinal);

        static string Refusal(NetworkDescription network, Action<Dictionary<string, Weight>> change)
        {
            var file = ResNet18();
            change(file);
            return Assert.Throws<InvalidDataException>(() => PublishedWeights.For(network, SafeTensors.Write(file, new Dictionary<string, string>()))).Message;
        }
    }

    private static Dictionary<string, Weight> ResNet18()
    {
        var tensors = new Dictionary<string, Weight>();
        Convolution("conv1", 64, 3, 7);
        Normalization("bn1", 64);
        for (var stage = 1; stage <= 4; stage++)
        {
            var (before, filters) = (stage == 1 ? 64 : 32 << (stage - 1), 32 << stage);
            for (var block = 0; block < 2; block++)
            {
                var path = FormattableString.Invariant($"layer{stage}.{block}");
                Convolution($"{path}.conv1", filters, block == 0 ? before : filters, 3);
                Normalization($"{path}.bn1", filters);
                Convolution($"{path}.conv2", filters, filters, 3);
                Normalization($"{path}.bn2", filters);
                if (stage > 1 && block == 0)
                {
                    Convolution($"{path}.downsample.0", filters, before, 1);
                    Normalization($"{path}.downsample.1", filters);
                }
            }
        }

        Add("fc.weight", 1000, 512);
        Add("fc.bias", 1000);
        return tensors;

        void Convolution(string path, int filters, int channels, int kernel) => Add($"{path}.weight", filters, channels, kernel, kernel);

        void Normalization(string path, int channels)
        {
            Add($"{path}.weight", channels);
            Add($"{path}.bias", channels);
            Add($"{path}.running_mean", channels);
            Add($"{path}.running_var", channels);
            Add($"{path}.num_batches_tracked");
        }

        void Add(string name, params long[] shape)
        {
            // Each tensor is told by its first number.
            var values = new float[shape.Aggregate(1L, (product, side) => product * side)];
            values[0] = tensors.Count;
            tensors[name] = new Weight(shape, values);
        }
    }

    private static double Cosine(float[] one, float[] other) =>
        one.Zip(other, (a, b) => (double)a * b).Sum() / Math.Sqrt(one.Sum(a => (double)a * a) * other.Sum(b => (double)b * b));

    private static byte[] DermoscopicPictures(int count, int side)
    {
        using var archive = ZipFile.OpenRead(SharedData.Require("ham10000-224.zip"));
        var pictures = archive.Entries.Where(entry => entry.Name.EndsWith(".jpg", StringComparison.OrdinalIgnoreCase)).Take(count * 100).Chunk(100).Select(chunk => chunk[0]);
        return [.. pictures.SelectMany(entry => Decoded(entry, side))];
    }

    private static byte[] Decoded(ZipArchiveEntry entry, int side)
    {
        using var stream = entry.Open();
        using var file = new MemoryStream();
        stream.CopyTo(file);
        var pixels = new byte[side * side * 3];
        Assert.True(ImageDecoder.TryDecodeToSquare(file.ToArray(), side, pixels, ImageLimits.Default, out _));
        return pixels;
    }
}
