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
    private readonly double[] _losses;
    private readonly double[] _melanoma;
    private readonly Lazy<int[][]> _ranked;

    private Judgement(ClassVocabulary vocabulary, double[][] probabilities, double[][] priors, Sample[] samples, int coarse)
    {
        _vocabulary = vocabulary;
        _probabilities = probabilities;
        _truth = [.. samples.Select(sample => vocabulary.ClassOf(sample.Label)!.Value)];
        _group = [.. samples.Select(sample => sample.Group)];
        _mostProbable = [.. probabilities.Select(row => Largest(row))];
        _diagnosis = [.. probabilities.Zip(priors, (row, prior) => DiagnosisRule.MostOutstanding(row, prior))];
        _losses = [.. _truth.Select((truth, i) => -Math.Log(Math.Max(LeastProbability, probabilities[i][truth])))];

        // Decisions are made on probabilities of four decimals.
        _melanoma = [.. probabilities.Select(row => DiagnosisRule.Round(row[vocabulary.Melanoma]))];
        _ranked = new(() => Ranking.Of(Enumerable.Range(0, Images), i => _probabilities[i][vocabulary.Melanoma]));
        Coarse = coarse;
    }

    public int Images => _truth.Length;

    public int Coarse { get; }

    /// <summary>Share of pictures whose most probable class is theirs; 0 without pictures.</summary>
    public double Accuracy => Images == 0 ? 0 : (double)_truth.Where((truth, i) => _mostProbable[i] == truth).Count() / Images;

    /// <summary>Mean of -ln(probability of the truth), in nats.</summary>
    public double Loss => Images == 0 ? 0 : _losses.Average();

    public double BalancedAccuracy => Balanced(Ones);

    public double? MelanomaAuc => Auc(Ones);

    private int[] Ones => [.. Enumerable.Repeat(1, Images)];

    /// <param name="prior">The class shares at which the rule states its probabilities.</param>
    /// <param name="logits">Nine per picture, in the order of <paramref name="samples"/>.</param>
    /// <param name="vocabulary">The classes; null for the nine diagnoses.</param>
    public static Judgement Of(OutputRule rule, IReadOnlyList<double> prior, float[] logits, IReadOnlyList<Sample> samples, ClassVocabulary? vocabulary = null)
    {
        var probabilities = Enumerable.Range(0, samples.Count).Select(i => rule.Probabilities(logits.AsSpan(i * Diagnoses.Count, Diagnoses.Count))).ToArray();
        double[] supported = [.. prior.Select((share, i) => rule.Supported[i] ? share : 0)];
        return Of([new JudgedPart(probabilities, supported, samples)], vocabulary ?? ClassVocabulary.Fine);
    }

    /// <summary>Several sets of pictures as one, each as its own network says it.</summary>
    public static Judgement Of(IReadOnlyList<JudgedPart> parts, ClassVocabulary vocabulary)
    {
        var judged = parts
            .SelectMany(part => part.Samples.Select((sample, i) => (Sample: sample, Part: part, Probabilities: part.Probabilities[i])))
            .Where(picture => vocabulary.ClassOf(picture.Sample.Label) is not null)
            .ToArray();
        var priors = parts.ToDictionary(part => part, part => vocabulary.Sums(part.Prior));
        return new Judgement(
            vocabulary,
            [.. judged.Select(picture => vocabulary.Sums(picture.Probabilities))],
            [.. judged.Select(picture => priors[picture.Part])],
            [.. judged.Select(picture => picture.Sample)],
            parts.Sum(part => part.Samples.Count) - judged.Length);
    }

    /// <summary>Expected calibration error of the largest probability (Naeini et al. 2015), 15 equal bins.</summary>
    public double CalibrationError() => CalibrationError(Ones);

    /// <summary>Thresholds that keep 95 and 90 % of the melanomas at or above them; null without melanomas.</summary>
    public OperatingPoints? ChooseOperatingPoints()
    {
        var melanomas = Enumerable.Range(0, Images).Where(IsMelanoma).Select(image => _melanoma[image]).OrderDescending().ToArray();
        return melanomas.Length == 0 ? null : new OperatingPoints(Keeping(0.95), Keeping(0.90));

        // Rounded down to the four decimals that decisions are made with, so that the last melanoma stays on its side.
        double Keeping(double share) => Math.Floor(melanomas[(int)Math.Ceiling((share * melanomas.Length) - 1e-9) - 1] * 1e4) / 1e4;
    }

    /// <summary>What is told of a version's file.</summary>
    public ArtefactSplit ArtefactFigures(OperatingPoints? points) => new(
        Images,
        BalancedAccuracy,
        MelanomaAuc,
        Sensitivity(points?.T95, Ones),
        Specificity(points?.T95, Ones),
        Sensitivity(points?.T90, Ones),
        Specificity(points?.T90, Ones),
        CalibrationError());

    /// <summary>All figures, with 95 % intervals from resampled lesion groups.</summary>
    /// <param name="uncalibrated">The same pictures without the temperature.</param>
    public SplitFigures Figures(Judgement uncalibrated, OperatingPoints? points, long seed)
    {
        var confusion = Confusion();
        return new SplitFigures
        {
            Images = Images,
            Groups = _group.Distinct().Count(),
            CoarseImages = Coarse,
            Accuracy = Accuracy,
            AccuracyInterval = Certain(weights => WeightedAccuracy(weights)),
            BalancedAccuracy = BalancedAccuracy,
            BalancedAccuracyInterval = Certain(weights => Balanced(weights)),
            Loss = Loss,
            LossInterval = Interval(weights => WeightedLoss(weights)),
            MelanomaAuc = MelanomaAuc,
            MelanomaAucInterval = Interval(Auc),
            MelanomaAveragePrecision = AveragePrecision(Ones),
            MelanomaAveragePrecisionInterval = Interval(AveragePrecision),
            CalibrationErrorBefore = uncalibrated.CalibrationError(),
            CalibrationErrorBeforeInterval = Interval(weights => uncalibrated.CalibrationError(weights)),
            CalibrationErrorAfter = CalibrationError(),
            CalibrationErrorAfterInterval = Interval(weights => CalibrationError(weights)),
            SensitivityAtT95 = Sensitivity(points?.T95, Ones),
            SensitivityAtT95Interval = Interval(weights => Sensitivity(points?.T95, weights)),
            SpecificityAtT95 = Specificity(points?.T95, Ones),
            SpecificityAtT95Interval = Interval(weights => Specificity(points?.T95, weights)),
            SensitivityAtT90 = Sensitivity(points?.T90, Ones),
            SensitivityAtT90Interval = Interval(weights => Sensitivity(points?.T90, weights)),
            SpecificityAtT90 = Specificity(points?.T90, Ones),
            SpecificityAtT90Interval = Interval(weights => Specificity(points?.T90, weights)),
            Classes = Classes(confusion, seed),
            Confusion = confusion,
            Curves = Images == 0 ? null : Curves(uncalibrated, seed),
        };

        Interval Certain(Func<int[], double?> figure) => Interval(figure) ?? new Interval(0, 0);

        Interval? Interval(Func<int[], double?> figure) => Bootstrap.Interval(_group, seed, figure);
    }

    /// <summary>The figures that are told of a coarser vocabulary, with 95 % intervals from resampled lesion groups.</summary>
    public VocabularyFigures VocabularyFigures(long seed)
    {
        return new VocabularyFigures(
            Images,
            _group.Distinct().Count(),
            Accuracy,
            Interval(weights => WeightedAccuracy(weights)) ?? new Interval(0, 0),
            BalancedAccuracy,
            Interval(weights => Balanced(weights)) ?? new Interval(0, 0),
            MelanomaAuc,
            Interval(Auc),
            Classes(Confusion(), seed));

        Interval? Interval(Func<int[], double?> figure) => Bootstrap.Interval(_group, seed, figure);
    }

    /// <summary>
    /// Share of lesions with a picture that is not given the same diagnosis in every one of several views of it, whatever is known of it, with its 95 % interval;
    /// null without pictures.
    /// </summary>
    /// <param name="views">The logits of the same pictures, looked at in different ways, nine per picture.</param>
    public static (double Rate, Interval Interval)? FlipRate(
        OutputRule rule, IReadOnlyList<double> prior, IReadOnlyList<float[]> views, IReadOnlyList<Sample> samples, long seed)
    {
        var flips = Enumerable.Range(0, samples.Count).GroupBy(image => samples[image].Group).Select(lesion => lesion.Any(Flips) ? 1 : 0).ToArray();
        return flips.Length == 0
            ? null
            : (flips.Average(), Bootstrap.Interval([.. Enumerable.Range(0, flips.Length)], seed, weights => (double)weights.Zip(flips, (weight, flip) => weight * flip).Sum() / flips.Length)!);

        bool Flips(int image) => views.Any(view => DiagnosisIn(view, image) != DiagnosisIn(views[0], image));

        Diagnosis DiagnosisIn(float[] logits, int image) =>
            DiagnosisRule.Decide(rule.Probabilities(logits.AsSpan(image * Diagnoses.Count, Diagnoses.Count)), prior, rule.Unsupported);
    }

    private SplitCurves Curves(Judgement uncalibrated, long seed)
    {
        var falling = Steps(_ranked.Value.Reverse(), IsMelanoma);
        var certain = Enumerable.Range(0, Images).GroupBy(Confidence).OrderByDescending(tied => tied.Key);
        return new SplitCurves(
            Evaluation.Curves.Roc(falling),
            Evaluation.Curves.PrecisionRecall(falling),
            uncalibrated.Reliability(seed),
            Reliability(seed),
            Evaluation.Curves.RiskCoverage(Steps(certain, IsRight)));

        static (int Yes, int No)[] Steps(IEnumerable<IEnumerable<int>> steps, Func<int, bool> counts) =>
            [.. steps.Select(tied => (tied.Count(counts), tied.Count(image => !counts(image))))];
    }

    private ReliabilityBin[] Reliability(long seed) =>
    [
        .. Enumerable.Range(0, Images).GroupBy(Bin).OrderBy(bin => bin.Key).Select(bin => new ReliabilityBin(
            Math.Round(bin.Average(Confidence), 4),
            Math.Round(bin.Average(image => IsRight(image) ? 1.0 : 0), 4),
            bin.Count(),
            Bootstrap.Interval(_group, seed, weights => Share(weights, image => Bin(image) == bin.Key, IsRight))!)),
    ];

    private ClassFigures[] Classes(int[][] confusion, long seed) => [.. Enumerable.Range(0, confusion.Length).Select(i => Class(confusion, i, seed))];

    private ClassFigures Class(int[][] confusion, int diagnosis, long seed)
    {
        var right = confusion[diagnosis][diagnosis];
        var images = confusion[diagnosis].Sum();
        var given = confusion.Sum(row => row[diagnosis]);
        double? precision = given == 0 ? null : (double)right / given;
        double? recall = images == 0 ? null : (double)right / images;
        double? f1 = images == 0 ? null : 2.0 * right / (images + given);
        return new ClassFigures(_vocabulary.Classes[diagnosis].Name, images, precision, recall, f1)
        {
            PrecisionInterval = precision is null ? null : Bootstrap.Interval(_group, seed, weights => Share(weights, IsGiven, IsOfClass)),
            RecallInterval = recall is null ? null : Bootstrap.Interval(_group, seed, weights => Share(weights, IsOfClass, IsGiven)),
            F1Interval = f1 is null ? null : Bootstrap.Interval(_group, seed, F1),
        };

        bool IsOfClass(int image) => _truth[image] == diagnosis;

        bool IsGiven(int image) => _diagnosis[image] == diagnosis;

        double? F1(int[] weights)
        {
            long hits = 0, of = 0, called = 0;
            for (var i = 0; i < weights.Length; i++)
            {
                of += IsOfClass(i) ? weights[i] : 0;
                called += IsGiven(i) ? weights[i] : 0;
                hits += IsOfClass(i) && IsGiven(i) ? weights[i] : 0;
            }

            return of == 0 ? null : 2.0 * hits / (of + called);
        }
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

    private bool IsRight(int image) => _mostProbable[image] == _truth[image];

    private double Confidence(int image) => _probabilities[image][_mostProbable[image]];

    private int Bin(int image) => Math.Min(CalibrationBins - 1, (int)(Confidence(image) * CalibrationBins));

    private double? Sensitivity(double? threshold, int[] weights) =>
        threshold is { } least ? Share(weights, IsMelanoma, image => _melanoma[image] >= least) : null;

    private double? Specificity(double? threshold, int[] weights) =>
        threshold is { } least ? Share(weights, image => !IsMelanoma(image), image => _melanoma[image] < least) : null;

    /// <summary>Share of the pictures that count among those that are asked about; null when there is none.</summary>
    private static double? Share(int[] weights, Func<int, bool> isAsked, Func<int, bool> counts)
    {
        long asked = 0, counted = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] > 0 && isAsked(i))
            {
                asked += weights[i];
                counted += counts(i) ? weights[i] : 0;
            }
        }

        return asked == 0 ? null : (double)counted / asked;
    }

    private double CalibrationError(int[] weights)
    {
        Span<double> excess = stackalloc double[CalibrationBins];
        var (all, error) = (0L, 0.0);
        for (var i = 0; i < weights.Length; i++)
        {
            all += weights[i];
            excess[Bin(i)] += weights[i] * (Confidence(i) - (IsRight(i) ? 1 : 0));
        }

        foreach (var bin in excess)
        {
            error += Math.Abs(bin);
        }

        return error / Math.Max(1, all);
    }

    private double WeightedLoss(int[] weights)
    {
        var (sum, all) = (0.0, 0L);
        for (var i = 0; i < weights.Length; i++)
        {
            sum += weights[i] * _losses[i];
            all += weights[i];
        }

        return all == 0 ? 0 : sum / all;
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

    private double? Auc(int[] weights) => Ranking.Auc(_ranked.Value, IsMelanoma, weights);

    /// <summary>Precision at each threshold, weighted by the recall that it adds; null without melanomas.</summary>
    private double? AveragePrecision(int[] weights)
    {
        double found = 0, given = 0, sum = 0;
        for (var step = _ranked.Value.Length - 1; step >= 0; step--)
        {
            double here = 0;
            foreach (var image in _ranked.Value[step])
            {
                given += weights[image];
                here += IsMelanoma(image) ? weights[image] : 0;
            }

            found += here;
            sum += given == 0 ? 0 : here * found / given;
        }

        return found == 0 ? null : sum / found;
    }
}

/// <summary>Pictures, and what one network says of them.</summary>
/// <param name="Probabilities">Nine for each sample.</param>
/// <param name="Prior">The class shares at which they are stated; 0 for an unsupported diagnosis.</param>
internal sealed record JudgedPart(double[][] Probabilities, double[] Prior, IReadOnlyList<Sample> Samples);
