using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.Onnx;

namespace Melanoma.Training.Evaluation;

/// <summary>Simple models of the same training images, judged on the same test images: what a network has to beat.</summary>
internal static class Baselines
{
    /// <summary>Names the commonest diagnosis of the training images, whatever the picture.</summary>
    public const string MajorityClass = "majority class";

    /// <summary>Logistic regression on how often each of 64 colours is in the picture.</summary>
    public const string ColourHistogram = "colour histogram + logistic regression";

    private const int LevelsPerChannel = 4;
    private const int Colours = LevelsPerChannel * LevelsPerChannel * LevelsPerChannel;
    private const double Penalty = 1;

    // Beyond this many rows a model of 64 numbers learns nothing more.
    private const int MostTrainingImages = 50_000;

    /// <summary>The baselines' figures on test; none without test images.</summary>
    /// <param name="data">The images.</param>
    /// <param name="seed">Seed of the intervals.</param>
    /// <param name="frozen">What the network said before it was trained; null if that was nothing.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static IReadOnlyList<BaselineFigures> Of(
        TrainingData data, long seed, FrozenBaseline? frozen = null, CancellationToken cancellationToken = default)
    {
        if (data.Test.Length == 0)
        {
            return [];
        }

        var train = Originals(data);
        var figures = new List<BaselineFigures> { Majority(data, seed) };
        if (train.Length > 0)
        {
            figures.Add(Histogram(data, train, seed, cancellationToken));
        }

        if (frozen is not null)
        {
            figures.Add(frozen.Judge(data, seed));
        }

        return figures;
    }

    /// <summary>The training images that simple models are fitted to: no variants, and evenly thinned where there are very many.</summary>
    internal static Sample[] Originals(TrainingData data)
    {
        var originals = data.Train.Where(sample => !sample.IsVariant).ToArray();
        var step = Math.Max(1, (originals.Length + MostTrainingImages - 1) / MostTrainingImages);
        return [.. originals.Where((_, place) => place % step == 0)];
    }

    private static BaselineFigures Majority(TrainingData data, long seed)
    {
        var logits = Logits(data.TrainedShares);
        double[] even = [.. Enumerable.Repeat(1.0 / Diagnoses.Count, Diagnoses.Count)];
        return Judge(MajorityClass, data, even, [.. data.Test.SelectMany(_ => logits)], seed);
    }

    private static BaselineFigures Histogram(TrainingData data, Sample[] train, long seed, CancellationToken cancellationToken)
    {
        var rows = new float[train.Length][];
        Parallel.For(0, rows.Length, place => rows[place] = HistogramOf(data.Images[train[place].Image]));
        var model = LogisticRegression.Fit(rows, [.. train.Select(sample => sample.Label)], Penalty, cancellationToken);

        var answers = new float[data.Test.Length][];
        Parallel.For(0, answers.Length, place => answers[place] = Logits(model.Predict(HistogramOf(data.Images[data.Test[place].Image]))));
        return Judge(ColourHistogram, data, Mean(rows.Select(model.Predict)), [.. answers.SelectMany(logits => logits)], seed);
    }

    /// <summary>A regression's probabilities are those at the shares of its labels, which is what they come to on the average.</summary>
    internal static double[] Mean(IEnumerable<double[]> answers)
    {
        var (sums, count) = (new double[Diagnoses.Count], 0);
        foreach (var probabilities in answers)
        {
            count++;
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += probabilities[i];
            }
        }

        return Array.ConvertAll(sums, sum => sum / count);
    }

    internal static BaselineFigures Judge(string name, TrainingData data, double[] prior, float[] logits, long seed)
    {
        var figures = Judgement.Of(OutputRule.Plain with { Supported = data.Supported }, prior, logits, data.Test, ClassVocabulary.Fine).VocabularyFigures(seed);
        return new BaselineFigures(
            name, figures.Accuracy, figures.AccuracyInterval, figures.BalancedAccuracy, figures.BalancedAccuracyInterval, figures.MelanomaAuc, figures.MelanomaAucInterval);
    }

    /// <summary>Square roots of the shares of 64 colours, so that rare colours count and the length is 1.</summary>
    /// <param name="pixels">uint8, three a pixel.</param>
    private static float[] HistogramOf(ReadOnlySpan<byte> pixels)
    {
        Span<int> counts = stackalloc int[Colours];
        for (var at = 0; at < pixels.Length; at += 3)
        {
            counts[(pixels[at] >> 6 << 4) | (pixels[at + 1] >> 6 << 2) | (pixels[at + 2] >> 6)]++;
        }

        var row = new float[Colours];
        for (var colour = 0; colour < Colours; colour++)
        {
            row[colour] = MathF.Sqrt(counts[colour] * 3f / pixels.Length);
        }

        return row;
    }

    private static float[] Logits(double[] probabilities) => Array.ConvertAll(probabilities, probability => (float)Math.Log(Math.Max(1e-12, probability)));
}
