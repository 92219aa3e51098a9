using System.Collections.Immutable;
using CsCheck;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class NetworkTests
{
    public static TheoryData<string> NetworkNames => [.. NetworkCatalogue.All.Select(network => network.Name)];

    [Fact]
    public void Should_load_TorchSharp_when_the_native_library_was_fitted_to_this_system()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(3f, (ones(2) + tensor([0f, 1f])).sum().item<float>());
    }

    [Theory]
    [InlineData("seed-baseline", 720_601)]
    [InlineData("seed-final", 5_738_825)]
    public void Should_have_the_notebooks_parameter_count_when_a_seed_network_is_described(string name, long parameters)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name);
        Assert.Equal(parameters, description.ParameterCount);
    }

    [Theory]
    [MemberData(nameof(NetworkNames))]
    public void Should_agree_with_TorchSharp_when_a_network_is_exported(string name)
    {
        var description = NetworkCatalogue.All.Single(network => network.Name == name);
        using var network = WithLifelikeWeights(description, seed: 7);
        var rule = new OutputRule(1.7, [true, true, false, true, true, true, false, true, true], [0.1, -0.5, 0, 1, 0, 0, 0, -1, 0.3]);
        var model = OnnxExporter.Export(description, network.Weights(), rule, []);

        var difference = ParityCheck.Require(network, rule, model, []);

        Assert.InRange(difference, 0, ParityCheck.Tolerance);
    }

    [Fact]
    public void Should_agree_with_TorchSharp_when_small_networks_are_made_at_random() =>
        Descriptions.Sample(
            description =>
            {
                using var network = WithLifelikeWeights(description, seed: 3);
                var model = OnnxExporter.Export(description, network.Weights(), OutputRule.Plain, []);
                return ParityCheck.Require(network, OutputRule.Plain, model, []) <= ParityCheck.Tolerance;
            },
            iter: 40,
            threads: 1);

    [Fact]
    public void Should_answer_a_turned_picture_alike_and_turn_its_map_when_a_small_network_looks_at_eight_views() =>
        Descriptions.Sample(
            description =>
            {
                const int Pictures = 3;
                using var scope = NewDisposeScope();
                using var network = WithLifelikeWeights(description, seed: 3);
                var side = description.InputSize;
                var model = OnnxExporter.Export(description, network.Weights(), OutputRule.Plain, [], SquareSymmetry.Count);
                var pictures = tensor(ParityCheck.Noise(Pictures, side), [Pictures, side, side, 3]);
                var answers = Enumerable.Range(0, SquareSymmetry.Count)
                    .Select(view => Run(model, [.. ViewBatches.Apply(pictures, view).contiguous().data<byte>()], side)).ToArray();

                Assert.InRange(ParityCheck.Require(network, OutputRule.Plain, model, [], SquareSymmetry.Count), 0, ParityCheck.Tolerance);
                var embedding = ViewBatches.Mean(
                    [.. Enumerable.Range(0, SquareSymmetry.Count).Select(view => Network.Values(network.Forward(ViewBatches.Apply(pictures, view), training: false).Embedding))]);
                AssertNear(embedding, answers[0]["embedding"], 1e-4f);
                for (var view = 0; view < SquareSymmetry.Count; view++)
                {
                    AssertNear(answers[0]["probabilities"], answers[view]["probabilities"], 1e-5f);
                    AssertNear(answers[0]["embedding"], answers[view]["embedding"], 1e-5f);
                    if (description.HasActivationMap)
                        AssertNear([.. ViewBatches.Apply(Maps(answers[0]), view).contiguous().data<float>()], [.. Maps(answers[view]).contiguous().data<float>()], 1e-5f);
                }

                TorchSharp.torch.Tensor Maps(Dictionary<string, float[]> outputs)
                {
                    var map = (long)Math.Sqrt(outputs["activation_map"].Length / (Pictures * Diagnoses.Count));
                    return tensor(outputs["activation_map"], [Pictures, Diagnoses.Count, map, map]).permute(0, 2, 3, 1);
                }

                static void AssertNear(float[] expected, float[] actual, float tolerance) =>
                    Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, tolerance * Math.Max(1, Math.Abs(pair.First))));
            },
            iter: 15,
            threads: 1);

    [Fact]
    public void Should_say_nearly_the_same_and_learn_in_the_same_direction_when_convolutions_are_of_half_precision()
    {
        using var scope = NewDisposeScope();
        using var network = WithLifelikeWeights(NetworkCatalogue.Quick, seed: 5);
        var pixels = tensor(ParityCheck.Noise(16, 64), [16, 64, 64, 3]);
        var (exact, half) = (Gradient(ScalarType.Float32), Gradient(ScalarType.BFloat16));

        Assert.Equal(ScalarType.Float32, half.Logits.dtype);
        Assert.Equal(ScalarType.Float32, half.Kernels.dtype);
        Assert.InRange((exact.Logits - half.Logits).abs().mean().item<float>() / exact.Logits.abs().mean().item<float>(), 0, 0.2f);
        Assert.True(nn.functional.cosine_similarity(exact.Kernels, half.Kernels, 0).item<float>() > 0.8f);

        (TorchSharp.torch.Tensor Logits, TorchSharp.torch.Tensor Kernels) Gradient(ScalarType precision)
        {
            // Dropout must drop the same.
            manual_seed(1);
            var logits = network.Forward(pixels, training: true, precision).Logits;
            return (logits.detach(), autograd.grad([logits.logsumexp(1).mean()], [network.Kernels])[0]);
        }
    }

    [Fact]
    public void Should_fail_with_the_difference_when_the_graph_has_other_weights_than_the_module()
    {
        using var network = WithLifelikeWeights(NetworkCatalogue.Quick, seed: 1);
        using var other = WithLifelikeWeights(NetworkCatalogue.Quick, seed: 2);
        var model = OnnxExporter.Export(NetworkCatalogue.Quick, other.Weights(), OutputRule.Plain, []);

        var exception = Assert.Throws<ParityException>(() => ParityCheck.Require(network, OutputRule.Plain, model, []));

        Assert.True(exception.Difference > ParityCheck.Tolerance);
    }

    [Fact]
    public void Should_give_probability_zero_when_a_diagnosis_is_unsupported()
    {
        using var network = WithLifelikeWeights(NetworkCatalogue.Quick, seed: 1);
        var rule = OutputRule.Plain with { Supported = [true, true, true, true, true, true, false, true, true] };

        var outputs = Run(OnnxExporter.Export(NetworkCatalogue.Quick, network.Weights(), rule, []), ParityCheck.Noise(2, 128), 128);

        var probabilities = outputs["probabilities"];
        Assert.Equal(0f, probabilities[(int)Diagnosis.SeborrheicKeratosis]);
        Assert.Equal(0f, probabilities[Diagnoses.Count + (int)Diagnosis.SeborrheicKeratosis]);
        Assert.Equal(1, probabilities[..Diagnoses.Count].Sum(), 5);
    }

    [Fact]
    public void Should_have_the_logits_as_mean_of_the_activation_map_when_the_network_pools_globally()
    {
        using var network = WithLifelikeWeights(NetworkCatalogue.Quick, seed: 1);
        var pixels = ParityCheck.Smooth(1, 128);

        var outputs = Run(OnnxExporter.Export(NetworkCatalogue.Quick, network.Weights(), OutputRule.Plain, []), pixels, 128);

        using var scope = NewDisposeScope();
        var logits = Network.Values(network.Forward(tensor(pixels, [1, 128, 128, 3]), training: false).Logits);
        var bias = network.Weights()[$"{NetworkCatalogue.Quick.Layers.Length - 1}.bias"].Values;
        var places = outputs["activation_map"].Length / Diagnoses.Count;
        for (var diagnosis = 0; diagnosis < Diagnoses.Count; diagnosis++)
        {
            var mean = outputs["activation_map"].AsSpan(diagnosis * places, places).ToArray().Average();
            Assert.Equal(logits[diagnosis], mean + bias[diagnosis], 3);
        }

        Assert.Equal(128, outputs["embedding"].Length);
    }

    [Fact]
    public void Should_keep_the_properties_when_a_model_is_read_by_ONNX_Runtime()
    {
        using var network = new Network(NetworkCatalogue.Quick, seed: 1);
        var model = OnnxExporter.Export(NetworkCatalogue.Quick, network.Weights(), OutputRule.Plain, [new("recipe", "quick")]);

        using var session = new InferenceSession(model);

        Assert.Equal("quick", session.ModelMetadata.CustomMetadataMap["recipe"]);
        Assert.Equal([-1, 128, 128, 3], session.InputMetadata["images"].Dimensions);
    }

    [Fact]
    public void Should_pad_as_TensorFlow_does_when_the_stride_leaves_an_odd_place()
    {
        Assert.Equal((0, 1), FeatureShape.PaddingOf(new Convolution(1, 3, 2), 128));
        Assert.Equal((1, 1), FeatureShape.PaddingOf(new Convolution(1, 3, 2), 127));
        Assert.Equal((5, 5), FeatureShape.PaddingOf(new Convolution(1, 11), 20));
        Assert.Equal((0, 0), FeatureShape.PaddingOf(new Convolution(1, 11, 1, Padding.Valid), 20));
        Assert.Equal((3, 3), FeatureShape.PaddingOf(new Convolution(1, 7, 2, Padding.Centred), 128));
    }

    internal static Gen<NetworkDescription> Descriptions { get; } =
        from size in Gen.Int[9, 24]
        from blocks in Gen.OneOf(
            Gen.Select(Gen.Int[1, 6], Gen.OneOfConst(1, 3, 5), Gen.Int[1, 2], Gen.Bool, Gen.Bool, Gen.Bool)
                .Select((filters, kernel, stride, same, normalized, pooled) => Block(filters, kernel, stride, same, normalized, pooled)),
            Gen.Select(Gen.Int[1, 6], Gen.OneOfConst(1, 3, 5), Gen.Int[1, 2], Gen.Bool, Gen.Bool)
                .Select((filters, kernel, stride, normalized, bias) => InvertedBlock(filters, kernel, stride, normalized, bias)),
            Gen.Select(Gen.Int[1, 6], Gen.OneOfConst(1, 3, 5), Gen.Int[1, 2], Gen.Bool).Select((filters, kernel, stride, pooled) => ProjectedBlock(filters, kernel, stride, pooled)))
            .List[1, 3]
        from global in Gen.Bool
        from hidden in Gen.Int[0, 5]
        let tail = (Layer[])[global ? new GlobalAveragePool() : new Flatten(), .. hidden == 0 ? Array.Empty<Layer>() : [new Dense(hidden), new Relu(), new Dropout(0.5)], new Dense(9)]
        let description = new NetworkDescription("random", size, Normalization.MinusOneToOne, [.. blocks.SelectMany(block => block), .. tail])
        where Fits(description)
        select description;

    [Fact]
    public void Should_leave_a_block_out_for_some_pictures_and_strengthen_it_for_the_others_when_depth_is_stochastic()
    {
        const int Pictures = 400;
        using var scope = NewDisposeScope();
        manual_seed(7);
        var description = new NetworkDescription("tiny", 8, Normalization.ZeroToOne,
            [new Convolution(4, 1), new Residual([new Convolution(4, 1)], DropRate: 0.25), new GlobalAveragePool(), new Dense(Diagnoses.Count)]);
        using var network = new Network(description, 3);
        var images = tensor(ParityCheck.Noise(1, 8), [1, 8, 8, 3]).expand(Pictures, 8, 8, 3);
        using var shallow = new Network(description with { Layers = [description.Layers[0], description.Layers[2], description.Layers[3]] }, 3);
        var weights = network.Weights();
        shallow.Load(new Dictionary<string, Weight> { ["0.weight"] = weights["0.weight"], ["0.bias"] = weights["0.bias"], ["2.weight"] = weights["3.weight"], ["2.bias"] = weights["3.bias"] });

        var (without, with) = (shallow.Forward(images, training: false).Embedding[0], network.Forward(images, training: false).Embedding[0]);
        var embeddings = network.Forward(images, training: true).Embedding;
        var dropped = (embeddings - without).abs().max(1).values.lt(1e-5);
        var kept = (embeddings - (without + ((with - without) / 0.75))).abs().max(1).values.lt(1e-5);

        Assert.True(dropped.logical_or(kept).all().item<bool>());
        Assert.InRange(dropped.sum().item<long>(), (long)(0.15 * Pictures), (long)(0.35 * Pictures));
    }

    private static Layer[] Block(int filters, int kernel, int stride, bool same, bool normalized, bool pooled) =>
    [
        new Convolution(filters, kernel, stride, same ? Padding.Same : Padding.Valid, Bias: !normalized || filters % 2 == 0),
        .. normalized ? [new BatchNormalization()] : Array.Empty<Layer>(),
        new Relu(),
        .. pooled ? [new MaxPool()] : Array.Empty<Layer>(),
    ];

    /// <summary>A depthwise convolution that may shrink, then a residual block that holds another.</summary>
    private static Layer[] InvertedBlock(int filters, int kernel, int stride, bool normalized, bool bias)
    {
        Layer[] normalization = normalized ? [new BatchNormalization()] : [];
        ImmutableArray<Layer> inner = [new DepthwiseConvolution(kernel, Bias: bias), .. normalization, new Relu6()];
        return
        [
            new DepthwiseConvolution(kernel, stride, Bias: !normalized || bias), .. normalization,
            new Convolution(filters, 1), new Relu6(),
            new Residual([new Convolution(filters * 2, 1), new Relu6(), new Residual(inner), new Convolution(filters, 1, Bias: bias), .. normalization]),
        ];
    }

    /// <summary>Windows that reach over the edge, then a block whose shortcut has layers of its own.</summary>
    private static Layer[] ProjectedBlock(int filters, int kernel, int stride, bool pooled) =>
    [
        .. pooled ? [new MaxPool(3, 2, Edge: 1)] : Array.Empty<Layer>(),
        new Residual([new Convolution(filters, kernel, stride, Padding.Centred, Bias: false), new BatchNormalization(), new Relu(), new Convolution(filters, 3)])
        {
            Shortcut = [new Convolution(filters, 1, stride, Padding.Centred, Bias: false), new BatchNormalization()],
        },
        new Relu(),
    ];

    private static bool Fits(NetworkDescription description)
    {
        try
        {
            return description.Slots().Count > 0;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Random weights whose batch statistics are far from 0 and 1, as after training.</summary>
    internal static Network WithLifelikeWeights(NetworkDescription description, long seed)
    {
        var network = new Network(description, seed);
        var random = SplitMix64.At(seed, 99);
        var weights = network.Weights();
        foreach (var slot in network.Slots.Where(slot => slot.Role is not WeightRole.Kernel and not WeightRole.DepthwiseKernel))
        {
            var (low, high) = slot.Role is WeightRole.RunningVariance or WeightRole.Scale ? (0.3, 2.5) : (-0.4, 0.4);
            foreach (ref var value in weights[slot.Name].Values.AsSpan())
            {
                value = random.Between(low, high);
            }
        }

        network.Load(weights);
        return network;
    }

    internal static Dictionary<string, float[]> Run(byte[] model, byte[] pixels, int size)
    {
        using var session = new InferenceSession(model);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [pixels.Length / (size * size * 3), size, size, 3]))]);
        return results.ToDictionary(result => result.Name, result => result.AsEnumerable<float>().ToArray());
    }
}
