using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;

namespace Melanoma.Training.Evaluation;

/// <summary>
/// Logistic regression on what a network said of the pictures before it was trained. It is fitted before anybody looks at the test split, because that takes a while and may be stopped.
/// </summary>
internal sealed class FrozenBaseline : IDisposable
{
    /// <summary>What it is called in reports.</summary>
    public const string Name = "frozen features + logistic regression";

    private const int EmbeddingBatch = 128;

    private readonly Network _untrained;
    private readonly PixelSource _pixels;
    private LastLayer? _layer;
    private double[] _prior = [];

    private FrozenBaseline(Network untrained, PixelSource pixels) => (_untrained, _pixels) = (untrained, pixels);

    /// <summary>Embeds and fits.</summary>
    /// <param name="recipe">The recipe that the network is trained by.</param>
    /// <param name="data">The images.</param>
    /// <param name="start">The weights that training started from; null for random ones.</param>
    /// <param name="settings">What it calculates on.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Null where it would say nothing: random weights, no test images, or a recipe that does just this.</returns>
    public static FrozenBaseline? Fit(
        TrainingRecipe recipe, TrainingData data, IReadOnlyDictionary<string, Weight>? start, TrainerSettings settings, CancellationToken cancellationToken)
    {
        var train = Baselines.Originals(data);
        if (start is null || recipe.HeadPenalty is not null || train.Length == 0 || data.Test.Length == 0)
        {
            return null;
        }

        var untrained = new Network(recipe.Network, seed: 0, settings.Device);
        var baseline = new FrozenBaseline(untrained, new PixelSource(data.Images, untrained.Device, residentBytes: 0));
        try
        {
            untrained.Load(start);
            var rows = LastLayer.Embed(untrained, baseline._pixels, train, EmbeddingBatch, cancellationToken: cancellationToken);
            var layer = LastLayer.Fit(rows, [.. train.Select(sample => sample.Label)], data.Supported, LastLayer.Penalty, cancellationToken);
            (baseline._layer, baseline._prior) = (layer, Baselines.Mean(rows.Select(row => OutputRule.Plain.Probabilities(layer.Logits(row)))));
            return baseline;
        }
        catch (Exception)
        {
            baseline.Dispose();
            throw;
        }
    }

    /// <summary>Its figures on test.</summary>
    /// <param name="data">The images that it was fitted to.</param>
    /// <param name="seed">Seed of the intervals.</param>
    public BaselineFigures Judge(TrainingData data, long seed) => Baselines.Judge(
        Name, data, _prior, [.. LastLayer.Embed(_untrained, _pixels, data.Test, EmbeddingBatch).SelectMany(_layer!.Logits)], seed);

    public void Dispose()
    {
        _pixels.Dispose();
        _untrained.Dispose();
    }
}
