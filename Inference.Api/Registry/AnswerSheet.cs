using Melanoma.Contracts;
using Melanoma.Contracts.Models;

namespace Melanoma.Inference.Registry;

/// <summary>The test images that two models were asked about: what is known of each.</summary>
internal sealed class AskedImages
{
    private readonly List<(int Group, int Fine, int Ham10000)> _images = [];

    public int Count => _images.Count;

    /// <summary>Images with one diagnosis.</summary>
    public int Fine => _images.Count(image => image.Fine >= 0);

    /// <summary>Images of one class of HAM10000.</summary>
    public int Ham10000 => _images.Count(image => image.Ham10000 >= 0);

    /// <summary>Melanomas among the images with one diagnosis.</summary>
    public int Melanomas => _images.Count(image => image.Fine == (int)Diagnosis.Melanoma);

    /// <summary>Lesion groups.</summary>
    public int Lesions => _images.DistinctBy(image => image.Group).Count();

    /// <summary>The lesion group of each image.</summary>
    public IReadOnlyList<int> Groups => [.. _images.Select(image => image.Group)];

    /// <summary>Index of the diagnosis of an image; -1 where its label names several.</summary>
    public int FineOf(int image) => _images[image].Fine;

    /// <summary>Index of the class of an image in the vocabulary of HAM10000; -1 where its label is in none.</summary>
    public int Ham10000Of(int image) => _images[image].Ham10000;

    /// <summary>Adds an image that fits in one of the two vocabularies.</summary>
    /// <param name="group">Number of its lesion group.</param>
    /// <param name="label">Its label.</param>
    public void Add(int group, DiagnosisSet label) =>
        _images.Add((group, ClassVocabulary.Fine.ClassOf(label) ?? -1, ClassVocabulary.Ham10000.ClassOf(label) ?? -1));
}

/// <summary>What one model said of each of the images, and the figures that follow from it; a few numbers an image and nothing of the picture.</summary>
internal sealed class AnswerSheet(AskedImages images, ModelProperties properties)
{
    private const int CalibrationBins = 15;

    private readonly List<Answer> _answers = [];
    private readonly double[] _ham10000Prior = ClassVocabulary.Ham10000.Sums(
        [.. properties.ClassPrior.Select((share, diagnosis) => properties.Unsupported.Contains((Diagnosis)diagnosis) ? 0 : share)]);

    private int[][]? _ranked;

    /// <summary>Adds the answer about the next image.</summary>
    /// <param name="probabilities">Nine, in index order.</param>
    public void Add(ReadOnlySpan<double> probabilities)
    {
        var mostProbable = 0;
        for (var index = 1; index < probabilities.Length; index++)
        {
            mostProbable = probabilities[index] > probabilities[mostProbable] ? index : mostProbable;
        }

        _answers.Add(new Answer(
            (byte)mostProbable,
            (byte)DiagnosisRule.Decide(probabilities, properties.ClassPrior, properties.Unsupported),
            (byte)DiagnosisRule.MostOutstanding(ClassVocabulary.Ham10000.Sums(probabilities.ToArray()), _ham10000Prior),
            probabilities[mostProbable],
            probabilities[(int)Diagnosis.Melanoma],
            DiagnosisRule.Round(probabilities[(int)Diagnosis.Melanoma])));
    }

    /// <summary>The figures in the order of <see cref="ComparedFigure.Names"/>; null where there is no image, or no operating point, to tell one from.</summary>
    /// <param name="weights">How often each image counts.</param>
    public double?[] Figures(int[] weights)
    {
        Span<long> right = stackalloc long[Diagnoses.Count], all = stackalloc long[Diagnoses.Count];
        Span<long> coarseRight = stackalloc long[ClassVocabulary.Ham10000.Classes.Length], coarseAll = stackalloc long[ClassVocabulary.Ham10000.Classes.Length];
        Span<double> overconfidence = stackalloc double[CalibrationBins];
        long mostProbable = 0, count = 0;
        for (var image = 0; image < _answers.Count; image++)
        {
            var (weight, answer, fine, coarse) = (weights[image], _answers[image], images.FineOf(image), images.Ham10000Of(image));
            if (coarse >= 0)
            {
                coarseAll[coarse] += weight;
                coarseRight[coarse] += answer.Ham10000 == coarse ? weight : 0;
            }

            if (fine >= 0)
            {
                all[fine] += weight;
                right[fine] += answer.Diagnosis == fine ? weight : 0;
                var isRight = answer.MostProbable == fine;
                count += weight;
                mostProbable += isRight ? weight : 0;
                overconfidence[Math.Min(CalibrationBins - 1, (int)(answer.Confidence * CalibrationBins))] += weight * (answer.Confidence - (isRight ? 1 : 0));
            }
        }

        var error = 0.0;
        foreach (var bin in overconfidence)
        {
            error += Math.Abs(bin);
        }

        var (t95, t90) = (properties.OperatingPoints?.T95, properties.OperatingPoints?.T90);
        return
        [
            count == 0 ? null : (double)mostProbable / count,
            count == 0 ? null : DiagnosisRule.BalancedAccuracy(right, all),
            coarseAll.ContainsAnyExcept(0L) ? DiagnosisRule.BalancedAccuracy(coarseRight, coarseAll) : null,
            Auc(weights),
            Share(weights, t95, melanomas: true),
            Share(weights, t95, melanomas: false),
            Share(weights, t90, melanomas: true),
            Share(weights, t90, melanomas: false),
            count == 0 ? null : error / count,
        ];
    }

    /// <summary>Share of the melanomas at or above the model's threshold for 95 % sensitivity; null without either.</summary>
    public double? Sensitivity() => Share([.. Enumerable.Repeat(1, images.Count)], properties.OperatingPoints?.T95, melanomas: true);

    /// <summary>Of the melanomas, the share at or above a threshold; of the others, the share below it.</summary>
    private double? Share(int[] weights, double? threshold, bool melanomas)
    {
        long counted = 0, all = 0;
        for (var image = 0; image < _answers.Count && threshold is not null; image++)
        {
            if (images.FineOf(image) >= 0 && IsMelanoma(image) == melanomas)
            {
                all += weights[image];
                counted += _answers[image].DecidingMelanoma >= threshold == melanomas ? weights[image] : 0;
            }
        }

        return all == 0 ? null : (double)counted / all;
    }

    private double? Auc(int[] weights)
    {
        _ranked ??= Ranking.Of(Enumerable.Range(0, _answers.Count).Where(image => images.FineOf(image) >= 0), image => _answers[image].Melanoma);
        return Ranking.Auc(_ranked, IsMelanoma, weights);
    }

    private bool IsMelanoma(int image) => images.FineOf(image) == (int)Diagnosis.Melanoma;

    /// <param name="MostProbable">The class with the largest probability.</param>
    /// <param name="Diagnosis">The diagnosis by the rule.</param>
    /// <param name="Ham10000">The class of HAM10000 by the same rule.</param>
    /// <param name="Confidence">The largest probability.</param>
    /// <param name="Melanoma">The melanoma probability.</param>
    /// <param name="DecidingMelanoma">The same as decisions see it.</param>
    private readonly record struct Answer(byte MostProbable, byte Diagnosis, byte Ham10000, double Confidence, double Melanoma, double DecidingMelanoma);
}
