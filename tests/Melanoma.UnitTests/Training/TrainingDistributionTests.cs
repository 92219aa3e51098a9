using CsCheck;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class TrainingDistributionTests
{
    [Fact]
    public void Should_find_what_comes_from_elsewhere_and_nearly_nothing_else_when_embeddings_lie_in_few_directions()
    {
        var random = new Random(3);
        var directions = Enumerable.Range(0, 5).Select(_ => Normal(random, 40)).ToArray();
        var distribution = TrainingDistribution.Fit(Draw(400), Draw(300));

        Assert.InRange(Draw(1000).Count(row => distribution.Distance(row) > distribution.Limit) / 1000.0, 0, 0.05);

        // As long as the others, but in other directions.
        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(distribution.Distance([.. Normal(random, 40).Select(value => (float)(value * Math.Sqrt(5)))]) > 10 * distribution.Limit));

        float[][] Draw(int count) =>
        [
            .. Enumerable.Range(0, count).Select(_ =>
            {
                var weights = Normal(random, 5);
                var noise = Normal(random, 40);
                return Enumerable.Range(0, 40).Select(i => (float)(Enumerable.Range(0, 5).Sum(k => weights[k] * directions[k][i]) + (0.05 * noise[i]) + 1)).ToArray();
            }),
        ];
    }

    [Fact]
    public void Should_have_a_limit_that_a_file_may_hold_when_a_network_has_learnt_nothing()
    {
        float[][] same = [.. Enumerable.Repeat(new float[8], 30)];

        var distribution = TrainingDistribution.Fit(same, same);

        Assert.InRange(distribution.Limit, double.Epsilon, 0.01);
        Assert.False(distribution.Distance(same[0]) > distribution.Limit);
    }

    [Fact]
    public void Should_be_calculated_by_the_graph_as_by_the_formula() => Gen.Select(Gen.Int[1, 6], Gen.Int[2, 60], Gen.Long).Sample(
        (scale, pictures, seed) =>
        {
            var random = new Random((int)seed);
            var description = NetworkCatalogue.Quick with { InputSize = 32 };
            using var network = new Network(description, seed);
            var dimensions = description.Layers[..^1].Aggregate(description.Input, (shape, layer) => shape.Behind(layer)).Size;
            var distribution = TrainingDistribution.Fit(Rows(pictures), Rows(3));
            using var session = new InferenceSession(OnnxExporter.Export(description, network.Weights(), OutputRule.Plain, [], distribution: distribution));
            var pixels = ParityCheck.Noise(2, 32);

            using var results = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [2, 32, 32, 3]))], ["distance", "embedding"]);

            var (distances, embeddings) = (results[0].AsEnumerable<float>().ToArray(), results[1].AsEnumerable<float>().Chunk(dimensions).ToArray());
            Assert.All(distances.Zip(embeddings), pair => Assert.Equal(1, pair.First / distribution.Distance(pair.Second), 1e-3));

            float[][] Rows(int count) => [.. Enumerable.Range(0, count).Select(_ => Normal(random, dimensions).Select(value => (float)(scale * value)).ToArray())];
        },
        iter: 20,
        threads: 1);

    private static double[] Normal(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
}
