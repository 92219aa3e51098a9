using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;

namespace Melanoma.UnitTests.Training;

public sealed class EvaluationTests
{
    private static readonly double[] EvenPrior = [.. Enumerable.Repeat(1.0 / 9, 9)];

    [Fact]
    public void Should_give_the_figures_worked_out_by_hand_when_five_pictures_are_judged()
    {
        // Truth:     melanoma  melanoma  nevus  nevus  nevus
        // Diagnosis: melanoma  nevus     nevus  nevus  melanoma
        var judgement = Judge(
            (Diagnosis.Melanoma, 0.8), (Diagnosis.Melanoma, 0.3), (Diagnosis.Nevus, 0.1), (Diagnosis.Nevus, 0.2), (Diagnosis.Nevus, 0.6));

        Assert.Equal(3.0 / 5, judgement.Accuracy, 9);
        Assert.Equal(((1.0 / 2) + (2.0 / 3)) / 2, judgement.BalancedAccuracy, 9);
        Assert.Equal(-(Math.Log(0.8) + Math.Log(0.3) + Math.Log(0.9) + Math.Log(0.8) + Math.Log(0.4)) / 5, judgement.Loss, 6);

        // Of the six pairs, 0.8 wins three and 0.3 wins two.
        Assert.Equal(5.0 / 6, judgement.MelanomaAuc!.Value, 9);

        var figures = judgement.Figures(judgement, judgement.ChooseOperatingPoints(), seed: 1);
        Assert.Equal((1, 1), (figures.Confusion[3][3], figures.Confusion[3][4]));
        Assert.Equal((1, 2), (figures.Confusion[4][3], figures.Confusion[4][4]));
        var melanoma = figures.Classes[(int)Diagnosis.Melanoma];
        Assert.Equal((2, 0.5, 0.5, 0.5), (melanoma.Images, melanoma.Precision, melanoma.Recall, melanoma.F1));
        Assert.Null(figures.Classes[0].Recall);
        Assert.Equal(1.0, figures.SensitivityAtT95);
        Assert.Equal(2.0 / 3, figures.SpecificityAtT95!.Value, 9);

        // Falling: melanoma 0.8, nevus 0.6, melanoma 0.3, nevus 0.2, nevus 0.1. Certainty: nevus 0.9 right, then two of 0.8 right, 0.7 wrong, 0.6 wrong.
        Assert.Equal((0.5 * 1) + (0.5 * 2 / 3), figures.MelanomaAveragePrecision!.Value, 9);
        Assert.Equal([(0, 0), (0, 0.5), (0.3333, 0.5), (0.3333, 1), (0.6667, 1), (1, 1)], figures.Curves!.Roc.Select(point => (point.X, point.Y)));
        Assert.Equal([(0.5, 1), (1, 0.6667)], figures.Curves.PrecisionRecall.Select(point => (point.X, point.Y)));
        Assert.Equal([(0.2, 0), (0.6, 0), (0.8, 0.25), (1, 0.4)], figures.Curves.RiskCoverage.Select(point => (point.X, point.Y)));
        Assert.Equal(5, figures.Curves.ReliabilityAfter.Sum(bin => bin.Images));
        Assert.Equal(Ece((0.8, true), (0.7, false), (0.9, true), (0.8, true), (0.6, false)), judgement.CalibrationError(), 6);
    }

    [Fact]
    public void Should_add_up_the_probabilities_of_a_class_when_judged_in_the_seven_of_HAM10000()
    {
        // Actinic keratosis 0.3 and squamous cell carcinoma 0.3 are AKIEC 0.6, though nevus is the most probable diagnosis.
        float[] doubtful = [.. new[] { 0.3, 0, 0, 0, 0.4, 0, 0, 0.3, 0 }.Select(p => (float)Math.Log(Math.Max(p, 1e-9)))];
        var akiec = DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma);
        Sample[] samples =
        [
            new(0, Split.Test, akiec, 1, false), Of(Diagnosis.SquamousCellCarcinoma, 2), Of(Diagnosis.Nevus, 3),
            new(0, Split.Test, DiagnosisSet.Of(Diagnosis.Melanoma, Diagnosis.Nevus), 4, false),
        ];

        var judgement = Judgement.Of(OutputRule.Plain, EvenPrior, [.. doubtful, .. doubtful, .. doubtful, .. doubtful], samples, ClassVocabulary.Ham10000);

        // Melanoma or nevus is no class of the seven: left out.
        Assert.Equal((3, 1), (judgement.Images, judgement.Coarse));
        Assert.Equal(2.0 / 3, judgement.Accuracy, 9);

        // p / prior: AKIEC 0.6 / (2 / 9) = 2.7 against NV 0.4 / (1 / 9) = 3.6.
        Assert.Equal(0.5, judgement.BalancedAccuracy, 9);
        var figures = judgement.VocabularyFigures(seed: 1);
        Assert.Equal(["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"], figures.Classes.Select(item => item.Diagnosis));
        Assert.Equal((2, 0.0), (figures.Classes[3].Images, figures.Classes[3].Recall));
    }

    [Fact]
    public void Should_count_a_lesion_once_when_pictures_of_it_are_told_otherwise_in_a_view()
    {
        Sample[] samples = [Of(Diagnosis.Melanoma, 1), Of(Diagnosis.Melanoma, 1), Of(Diagnosis.Nevus, 2), Of(Diagnosis.Nevus, 3)];

        double FlipRate(params double[][] views) =>
            Judgement.FlipRate(OutputRule.Plain, EvenPrior, [.. views.Select(view => view.SelectMany(LogitsOf).ToArray())], samples, seed: 1)!.Value.Rate;

        Assert.Equal(1.0 / 3, FlipRate([0.8, 0.8, 0.1, 0.2], [0.2, 0.3, 0.2, 0.2], [0.8, 0.8, 0.1, 0.3]), 9);
        Assert.Equal(0, FlipRate([0.8, 0.8, 0.1, 0.2], [0.7, 0.6, 0.2, 0.4]));
    }

    [Fact]
    public void Should_find_the_rare_class_when_the_diagnosis_is_taken_at_even_odds()
    {
        var prior = new double[9];
        (prior[(int)Diagnosis.Melanoma], prior[(int)Diagnosis.Nevus]) = (0.1, 0.9);
        var samples = new[] { Of(Diagnosis.Melanoma, 0) };

        var judgement = Judgement.Of(OutputRule.Plain, prior, LogitsOf(0.3), samples);

        Assert.Equal(0, judgement.Accuracy);
        Assert.Equal(1, judgement.BalancedAccuracy);
    }

    [Fact]
    public void Should_report_the_diagnosis_that_is_served_when_rounding_decides()
    {
        // Unrounded, nevus stands out from its prior by a little more; of four decimals, both stand out the same, and the first is named.
        var prior = new double[9];
        (prior[(int)Diagnosis.Melanoma], prior[(int)Diagnosis.Nevus]) = (0.5, 0.5);

        var judgement = Judgement.Of(OutputRule.Plain, prior, LogitsOf(0.49998), [Of(Diagnosis.Melanoma, 0)]);

        Assert.Equal(0, judgement.Accuracy);
        Assert.Equal(1, judgement.BalancedAccuracy);
    }

    [Fact]
    public void Should_keep_the_share_of_melanomas_when_thresholds_are_chosen() =>
        Gen.Double[0.01, 0.99].Array[1, 60].Sample(probabilities =>
        {
            var judgement = Judge([.. probabilities.Select(p => (Diagnosis.Melanoma, p))]);
            var points = judgement.ChooseOperatingPoints()!;
            var figures = judgement.Figures(judgement, points, seed: 1);
            return points.T95 <= points.T90 && figures.SensitivityAtT95 >= 0.95 && figures.SensitivityAtT90 >= 0.9;
        }, iter: 30);

    [Fact]
    public void Should_have_the_same_area_when_melanomas_and_others_are_compared_pair_by_pair() =>
        Gen.Select(Gen.Bool, Gen.Int[1, 9]).Array[2, 40].Sample(pictures =>
        {
            var judgement = Judge([.. pictures.Select(picture => (picture.Item1 ? Diagnosis.Melanoma : Diagnosis.Nevus, picture.Item2 / 10.0))]);
            var pairs = from melanoma in pictures.Where(picture => picture.Item1)
                        from other in pictures.Where(picture => !picture.Item1)
                        select melanoma.Item2 > other.Item2 ? 1 : melanoma.Item2 == other.Item2 ? 0.5 : 0;
            return judgement.MelanomaAuc is { } auc ? Math.Abs(auc - pairs.Average()) < 1e-9 : !pairs.Any();
        });

    [Fact]
    public void Should_hold_the_figure_itself_when_an_interval_is_drawn()
    {
        var judgement = Judge([.. Enumerable.Range(0, 200).Select(i => (i % 2 == 0 ? Diagnosis.Melanoma : Diagnosis.Nevus, ((i * 37 % 100) / 101.0) + 0.005))]);
        var figures = judgement.Figures(judgement, null, seed: 1);

        Assert.InRange(figures.Accuracy, figures.AccuracyInterval.Low, figures.AccuracyInterval.High);
        Assert.InRange(figures.MelanomaAuc!.Value, figures.MelanomaAucInterval!.Low, figures.MelanomaAucInterval.High);
        Assert.InRange(figures.MelanomaAveragePrecision!.Value, figures.MelanomaAveragePrecisionInterval!.Low, figures.MelanomaAveragePrecisionInterval.High);
        Assert.All(figures.Curves!.ReliabilityAfter, bin => Assert.InRange(bin.Right, bin.RightInterval.Low, bin.RightInterval.High));
        Assert.InRange(figures.AccuracyInterval.High - figures.AccuracyInterval.Low, 0.08, 0.2);
        Assert.Null(figures.SensitivityAtT95);
    }

    [Fact]
    public void Should_recover_the_temperature_when_logits_were_blown_up_by_it()
    {
        // Three of four right at a logit gap that says 3:1 once divided by 2.5.
        var gap = (float)(Math.Log(3) * 2.5);
        var samples = Enumerable.Range(0, 400).Select(i => Of(i % 4 == 0 ? Diagnosis.Nevus : Diagnosis.Melanoma, i)).ToArray();
        var logits = new float[400 * 9];
        Array.Fill(logits, -1000);
        for (var i = 0; i < 400; i++)
        {
            (logits[(i * 9) + 3], logits[(i * 9) + 4]) = (gap, 0);
        }

        Assert.Equal(2.5, TemperatureScaling.Fit(OutputRule.Plain, EvenPrior, logits, samples), 2);
        Assert.Equal(1, TemperatureScaling.Fit(OutputRule.Plain, EvenPrior, [], []));
    }

    [Fact]
    public void Should_stay_at_half_when_validation_has_no_error_to_learn_from() =>
        Assert.Equal(0.5, TemperatureScaling.Fit(OutputRule.Plain, EvenPrior, LogitsOf(0.9), [Of(Diagnosis.Melanoma, 0)]), 3);

    [Fact]
    public void Should_leave_out_and_count_pictures_when_their_label_is_coarse()
    {
        var coarse = new Sample(0, Split.Test, DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis), 0, false);
        var judgement = Judgement.Of(OutputRule.Plain, EvenPrior, [.. LogitsOf(0.9), .. LogitsOf(0.9)], [coarse, Of(Diagnosis.Melanoma, 1)]);

        Assert.Equal((1, 1), (judgement.Images, judgement.Coarse));
        Assert.Equal(1, judgement.Accuracy);
    }

    private static double Ece(params (double Confidence, bool Right)[] answers) => answers
        .GroupBy(answer => (int)(answer.Confidence * 15))
        .Sum(bin => Math.Abs(bin.Sum(answer => answer.Confidence - (answer.Right ? 1 : 0)))) / answers.Length;

    private static Sample Of(Diagnosis diagnosis, int group) => new(0, Split.Test, DiagnosisSet.Of(diagnosis), group, false);

    /// <summary>Melanoma with this probability, else nevus.</summary>
    private static float[] LogitsOf(double melanoma)
    {
        var logits = Enumerable.Repeat(-1000f, 9).ToArray();
        (logits[(int)Diagnosis.Melanoma], logits[(int)Diagnosis.Nevus]) = ((float)Math.Log(melanoma), (float)Math.Log(1 - melanoma));
        return logits;
    }

    private static Judgement Judge(params (Diagnosis Truth, double Melanoma)[] pictures) => Judgement.Of(
        OutputRule.Plain, EvenPrior, [.. pictures.SelectMany(picture => LogitsOf(picture.Melanoma))], [.. pictures.Select((picture, i) => Of(picture.Truth, i))]);
}
