using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;

namespace Melanoma.Training.Evaluation;

/// <summary>
/// What a model says of the pictures of a split, beside what is known of them, in the words of a vocabulary. Pictures whose label fits in no class of it are
/// counted and left out.
/// </summary>
internal sealed class Judgement
{
    private const double LeastProbability = 1e-7;
    private const int CalibrationBins = 15;

    private readonly ClassVocabulary _vocabulary;
    private readonly double[][] _probabilities;
    private readonly int[] _truth;
    private readonly int[] _mostProbable;
    private readonly int[] _diagnosis;
    private readonly int[] _group;
    private readonly Lazy<int[][]> _ranked;

    private Judgement(ClassVocabulary vocabulary, double[][] probabilities, double[] prior, Sample[] samples, int coarse)
    {
        _vocabulary = vocabulary;
        _probabilities = probabilities;
        _truth = [.. samples.Select(sample => vocabulary.ClassOf(sample.Label)!.Value)];
        _group = [.. samples.Select(sample => sample.Group)];
        _mostProbable = [.. probabilities.Select(row => Largest(row))];
        _diagnosis = [.. probabilities.Select(row => DiagnosisRule.MostOutstanding(row, prior))];
        _ranked = new(() => [.. Enumerable.Range(0, Images).GroupBy(i => _probabilities[i][vocabulary.Melanoma]).OrderBy(tied => tied.Key).Select(tied => tied.ToArray())]);
        Coarse = coarse;
    }

    public int Images => _truth.Length;

    public int Coarse { get; }

    /// <summary>Share of pictures whose most probable class is theirs; 0 without pictures.</summary>
    public double Accuracy => Images == 0 ? 0 : (double)_truth.Where((truth, i) => _mostProbable[i] == truth).Count() / Images;

    /// <summary>Mean of -ln(probability of the truth), in nats.</summary>
    public double Loss => Images == 0 ? 0 : _truth.Select((truth, i) => -Math.Log(Math.Max(LeastProbability, _probabilities[i][truth]))).Average();

    public double BalancedAccuracy => Balanced(Ones);

    public double? MelanomaAuc => Auc(Ones);

    private int[] Ones => [.. Enumerable.Repeat(1, Images)];

    /// <param name="prior">The class shares at which the rule states its probabilities.</param>
    /// <param name="logits">Nine per picture, in the order of <paramref name="samples"/>.</param>
    /// <param name="vocabulary">The classes; null for the nine diagnoses.</param>
    public static Judgement Of(OutputRule rule, IReadOnlyList<double> prior, float[] logits, IReadOnlyList<Sample> samples, ClassVocabulary? vocabulary = null)
    {
        vocabulary ??= ClassVocabulary.Fine;
        var judged = Enumerable.Range(0, samples.Count).Where(i => vocabulary.ClassOf(samples[i].Label) is not null).ToArray();
        var probabilities = judged.Select(i => vocabulary.Sums(rule.Probabilities(logits.AsSpan(i * Diagnoses.Count, Diagnoses.Count)))).ToArray();
        var supportedPrior = vocabulary.Sums([.. prior.Select((share, i) => rule.Supported[i] ? share : 0)]);
        return new Judgement(vocabulary, probabilities, supportedPrior, [.. judged.Select(i => samples[i])], samples.Count - judged.Length);
    }

    /// <summary>Expected calibration error of the largest probability (Naeini et al. 2015), 15 equal bins.</summary>
    public double CalibrationError()
    {
        var bins = Enumerable.Range(0, Images)
            .Select(i => (Confidence: _probabilities[i][_mostProbable[i]], Right: _mostProbable[i] == _truth[i] ? 1.0 : 0.0))
            .GroupBy(answer => Math.Min(CalibrationBins - 1, (int)(answer.Confidence * CalibrationBins)));
        return bins.Sum(bin => Math.Abs(bin.Sum(answer => answer.Confidence - answer.Right))) / Math.Max(1, Images);
    }

    /// <summary>Thresholds that keep 95 and 90 % of the melanomas at or above them; null without melanomas.</summary>
    public OperatingPoints? ChooseOperatingPoints()
    {
        var melanomas = Enumerable.Range(0, Images).Where(IsMelanoma).Select(MelanomaProbability).OrderDescending().ToArray();
        return melanomas.Length == 0 ? null : new OperatingPoints(Keeping(0.95), Keeping(0.90));

        // Rounded down to the four decimals that decisions are made with, so that the last melanoma stays on its side.
        double Keeping(double share) => Math.Floor(melanomas[(int)Math.Ceiling((share * melanomas.Length) - 1e-9) - 1] * 1e4) / 1e4;
    }

    /// <summary>All figures, with 95 % intervals from resampled lesion groups.</summary>
    /// <param name="uncalibrated">The same pictures without the temperature.</param>
    public SplitFigures Figures(Judgement uncalibrated, OperatingPoints? points, long seed)
    {
        var (accuracy, balanced, auc) = Bootstrap.Intervals(
            _group, seed, weights => (WeightedAccuracy(weights), Balanced(weights), Auc(weights)));
        var confusion = Confusion();
        return new SplitFigures
        {
            Images = Images,
            Groups = _group.Distinct().Count(),
            CoarseImages = Coarse,
            Accuracy = Accuracy,
            AccuracyInterval = accuracy!,
            BalancedAccuracy = BalancedAccuracy,
            BalancedAccuracyInterval = balanced!,
            Loss = Loss,
            MelanomaAuc = MelanomaAuc,
            MelanomaAucInterval = auc,
            CalibrationErrorBefore = uncalibrated.CalibrationError(),
            CalibrationErrorAfter = CalibrationError(),
            SensitivityAtT95 = points is null ? null : Sensitivity(points.T95),
            SpecificityAtT95 = points is null ? null : Specificity(points.T95),
            SensitivityAtT90 = points is null ? null : Sensitivity(points.T90),
            SpecificityAtT90 = points is null ? null : Specificity(points.T90),
            Classes = Classes(confusion),
            Confusion = confusion,
        };
    }

    /// <summary>The figures that are told of a coarser vocabulary, with 95 % intervals from resampled lesion groups.</summary>
    public VocabularyFigures VocabularyFigures(long seed)
    {
        var (accuracy, balanced, auc) = Bootstrap.Intervals(_group, seed, weights => (WeightedAccuracy(weights), Balanced(weights), Auc(weights)));
        return new VocabularyFigures(
            Images, _group.Distinct().Count(), Accuracy, accuracy!, BalancedAccuracy, balanced!, MelanomaAuc, auc, Classes(Confusion()));
    }

    /// <summary>
    /// Share of lesions with a picture that is not given the same diagnosis in every one of several views of it, whatever is known of it; null without pictures.
    /// </summary>
    /// <param name="views">The logits of the same pictures, looked at in different ways, nine per picture.</param>
    public static double? FlipRate(OutputRule rule, IReadOnlyList<double> prior, IReadOnlyList<float[]> views, IReadOnlyList<Sample> samples)
    {
        var lesions = Enumerable.Range(0, samples.Count).GroupBy(image => samples[image].Group).ToArray();
        return lesions.Length == 0 ? null : (double)lesions.Count(lesion => lesion.Any(Flips)) / lesions.Length;

        bool Flips(int image) => views.Any(view => DiagnosisIn(view, image) != DiagnosisIn(views[0], image));

        Diagnosis DiagnosisIn(float[] logits, int image) =>
            DiagnosisRule.Decide(rule.Probabilities(logits.AsSpan(image * Diagnoses.Count, Diagnoses.Count)), prior, rule.Unsupported);
    }

    private ClassFigures[] Classes(int[][] confusion) => [.. Enumerable.Range(0, confusion.Length).Select(i => Class(confusion, i))];

    private ClassFigures Class(int[][] confusion, int diagnosis)
    {
        var right = confusion[diagnosis][diagnosis];
        var images = confusion[diagnosis].Sum();
        var given = confusion.Sum(row => row[diagnosis]);
        double? precision = given == 0 ? null : (double)right / given;
        double? recall = images == 0 ? null : (double)right / images;
        double? f1 = images == 0 ? null : 2.0 * right / (images + given);
        return new ClassFigures(_vocabulary.Classes[diagnosis].Name, images, precision, recall, f1);
    }

    private static int Largest(double[] row) => Array.IndexOf(row, row.Max());

    private int[][] Confusion()
    {
        var classes = _vocabulary.Classes.Length;
        var confusion = Enumerable.Range(0, classes).Select(_ => new int[classes]).ToArray();
        for (var i = 0; i < Images; i++)
        {
            confusion[_truth[i]][_diagnosis[i]]++;
        }

        return confusion;
    }

    private bool IsMelanoma(int image) => _truth[image] == _vocabulary.Melanoma;

    // Decisions are made on probabilities of four decimals.
    private double MelanomaProbability(int image) => DiagnosisRule.Round(_probabilities[image][_vocabulary.Melanoma]);

    private double? Sensitivity(double threshold) => Share(Enumerable.Range(0, Images).Where(IsMelanoma), image => MelanomaProbability(image) >= threshold);

    private double? Specificity(double threshold) => Share(Enumerable.Range(0, Images).Where(image => !IsMelanoma(image)), image => MelanomaProbability(image) < threshold);

    private static double? Share(IEnumerable<int> images, Func<int, bool> counts)
    {
        var all = images.ToArray();
        return all.Length == 0 ? null : (double)all.Count(counts) / all.Length;
    }

    private double WeightedAccuracy(int[] weights)
    {
        long right = 0, all = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            all += weights[i];
            right += _mostProbable[i] == _truth[i] ? weights[i] : 0;
        }

        return all == 0 ? 0 : (double)right / all;
    }

    private double Balanced(int[] weights)
    {
        Span<long> right = stackalloc long[_vocabulary.Classes.Length], all = stackalloc long[_vocabulary.Classes.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            all[_truth[i]] += weights[i];
            right[_truth[i]] += _diagnosis[i] == _truth[i] ? weights[i] : 0;
        }

        return DiagnosisRule.BalancedAccuracy(right, all);
    }

    /// <summary>The chance that a melanoma has a larger melanoma probability than another picture, ties counting half (Mann-Whitney).</summary>
    private double? Auc(int[] weights)
    {
        double won = 0, melanomas = 0, others = 0;
        foreach (var tied in _ranked.Value)
        {
            double melanomasHere = 0, othersHere = 0;
            foreach (var image in tied)
            {
                if (IsMelanoma(image))
                {
                    melanomasHere += weights[image];
                }
                else
                {
                    othersHere += weights[image];
                }
            }

            won += melanomasHere * (others + (othersHere / 2));
            melanomas += melanomasHere;
            others += othersHere;
        }

        return melanomas == 0 || others == 0 ? null : won / (melanomas * others);
    }
}
