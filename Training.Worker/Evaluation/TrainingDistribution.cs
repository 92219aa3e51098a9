using static TorchSharp.torch;

namespace Melanoma.Training.Evaluation;

/// <summary>
/// What embeddings of training pictures are like, so that a picture of something else is noticed: a Gaussian that knows the variance along the strongest directions, and one variance for all
/// others (Tipping and Bishop 1999: probabilistic principal components). The distance of an embedding is its squared Mahalanobis distance (Lee et al. 2018) per dimension: about 1 for
/// pictures like those of the training.
/// </summary>
/// <param name="Mean">[D].</param>
/// <param name="Axes">The strongest directions, [K,D] row by row, each of length 1.</param>
/// <param name="Variances">The variance along each of them, [K].</param>
/// <param name="Remaining">The variance along any other direction, above 0.</param>
/// <param name="Limit">The largest distance that is still familiar.</param>
internal sealed record TrainingDistribution(float[] Mean, float[] Axes, double[] Variances, double Remaining, double Limit)
{
    /// <summary>Training pictures that are enough to fit it.</summary>
    public const int Pictures = 4000;

    private const int MostAxes = 64;
    private const int PicturesPerAxis = 4;

    /// <summary>Share of validation's pictures that are familiar.</summary>
    private const double FamiliarShare = 0.98;

    private const double Resolution = 100;

    /// <summary>
    /// Least variance of the other directions, as a share of the mean: where a network uses few directions, the graph would take the difference of two numbers too large for single precision.
    /// </summary>
    private const double LeastRemaining = 1e-3;

    /// <param name="training">Embeddings of pictures trained on, [n][D], at least two.</param>
    /// <param name="validation">Embeddings of pictures not trained on, at least one: they choose the limit.</param>
    public static TrainingDistribution Fit(float[][] training, float[][] validation)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var rows = Rows(training);
        var mean = rows.mean([0L]);
        var centred = rows - mean;
        var (values, vectors) = linalg.eigh(centred.T.mm(centred) / Math.Max(1, training.Length - 1));
        var dimensions = (int)values.shape[0];
        var count = Math.Clamp(training.Length / PicturesPerAxis, 1, Math.Min(MostAxes, Math.Max(1, dimensions / 2)));
        double[] ascending = [.. values.data<double>()];
        var remaining = Math.Max(ascending[..^count].DefaultIfEmpty(0).Average(), Math.Max(LeastRemaining * ascending.Average(), 1e-12));
        var distribution = new TrainingDistribution(
            Single(mean),
            Single(vectors.narrow(1, dimensions - count, count).T.contiguous()),
            [.. ascending[^count..].Select(variance => Math.Max(variance, remaining))],
            remaining,
            Limit: 0);
        return distribution with { Limit = LimitOf(Array.ConvertAll(validation, distribution.Distance)) };
    }

    /// <summary>The largest distance that is still familiar, by those of validation's pictures; above 0 also where a network that learnt nothing gives all pictures the same embedding.</summary>
    /// <param name="distances">At least one.</param>
    public static double LimitOf(IEnumerable<double> distances)
    {
        double[] ascending = [.. distances.Order()];
        var familiar = ascending[Math.Min(ascending.Length - 1, (int)Math.Ceiling(FamiliarShare * ascending.Length) - 1)];
        return Math.Max(1, Math.Ceiling(familiar * Resolution)) / Resolution;
    }

    /// <summary>The distance of an embedding, as the graph calculates it.</summary>
    /// <param name="embedding">[D].</param>
    public double Distance(float[] embedding)
    {
        double[] centred = [.. embedding.Select((value, i) => (double)value - Mean[i])];
        var sum = centred.Sum(value => value * value) / Remaining;
        for (var axis = 0; axis < Variances.Length; axis++)
        {
            var along = 0.0;
            for (var i = 0; i < centred.Length; i++)
            {
                along += Axes[(axis * centred.Length) + i] * centred[i];
            }

            sum += along * along * ((1 / Variances[axis]) - (1 / Remaining));
        }

        return sum / centred.Length;
    }

    private static Tensor Rows(float[][] embeddings) => tensor(embeddings.SelectMany(row => row).ToArray(), [embeddings.Length, embeddings[0].Length]).to(ScalarType.Float64);

    private static float[] Single(Tensor values) => [.. values.to(ScalarType.Float32).contiguous().data<float>()];
}
