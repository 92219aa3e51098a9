using Melanoma.Contracts;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Loop;

/// <summary>Which training images an epoch shows, how often and in which order.</summary>
internal sealed class Sampling
{
    private readonly double[] _ends;

    /// <param name="power">How strongly rare diagnoses are shown more often; see <see cref="Recipes.TrainingRecipe.RarityPower"/>.</param>
    public Sampling(TrainingData data, double power)
    {
        var weights = data.Train.Select(sample => Math.Pow(ShareOf(sample.Label, data.TrainedShares), -power)).ToArray();
        var mean = weights.Sum() / Math.Max(1, weights.Length);
        var end = 0.0;
        _ends = [.. weights.Select(weight => end += weight / mean)];
        Shares = power == 0 ? data.TrainedShares : Shown(data, weights);
    }

    /// <summary>Share of each diagnosis among the images shown, in expectation.</summary>
    public double[] Shares { get; }

    /// <summary>Places in <see cref="TrainingData.Train"/>, as many as there are; an image of weight w comes floor(w) or ceil(w) times.</summary>
    public int[] Order(long seed, int epoch)
    {
        // Systematic sampling: one random start, then steps of one through the weights laid end to end.
        var start = SplitMix64.At(seed, epoch, 3).NextDouble();
        var order = new int[_ends.Length];
        for (var (i, image) = (0, 0); i < order.Length; i++)
        {
            while (image < order.Length - 1 && _ends[image] <= i + start)
            {
                image++;
            }

            order[i] = image;
        }

        SplitMix64.At(seed, epoch, 0).Shuffle(order.AsSpan());
        return order;
    }

    private static double ShareOf(DiagnosisSet label, double[] shares) => Math.Max(1e-6, label.Members.Sum(member => shares[(int)member]));

    /// <summary>A label of several diagnoses is split in proportion to their shares.</summary>
    private static double[] Shown(TrainingData data, double[] weights)
    {
        var shown = new double[Diagnoses.Count];
        foreach (var (sample, weight) in data.Train.Zip(weights))
        {
            var share = ShareOf(sample.Label, data.TrainedShares);
            foreach (var member in sample.Label.Members)
            {
                shown[(int)member] += weight * data.TrainedShares[(int)member] / share;
            }
        }

        var total = shown.Sum();
        return [.. shown.Select(sum => sum / total)];
    }
}
