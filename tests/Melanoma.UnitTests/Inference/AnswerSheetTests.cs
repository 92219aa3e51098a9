using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Inference.Registry;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;

namespace Melanoma.UnitTests.Inference;

public sealed class AnswerSheetTests
{
    private static readonly double[] Prior = [0.02, 0.05, 0.03, 0.2, 0.5, 0.1, 0, 0.05, 0.05];

    private static readonly Gen<(float[] Logits, Sample[] Samples)> Answers =
        from images in Gen.Int[1, 60]
        from logits in Gen.Float[-4, 4].Array[images * Diagnoses.Count]
        from labels in Gen.Select(Gen.Int[0, 8], Gen.Int[0, 8], Gen.Int[0, 3]).Array[images]
        select (logits, labels.Select((label, image) =>
        {
            var (first, second, coarse) = label;
            return new Sample(image, Split.Test, DiagnosisSet.Of((Diagnosis)first, coarse == 0 ? (Diagnosis)second : (Diagnosis)first), image / 2, IsVariant: false);
        }).ToArray());

    [Fact]
    public void Should_give_the_figures_of_a_report_when_the_same_answers_are_given() => Answers.Sample(drawn =>
    {
        var (logits, samples) = drawn;
        var rule = OutputRule.Plain with { Supported = [.. Prior.Select(share => share > 0)] };
        var points = new OperatingPoints(0.1, 0.3);
        var fine = Judgement.Of(rule, Prior, logits, samples);
        var report = fine.Images > 0 ? fine.Figures(fine, points, seed: 1) : null;
        var coarse = Judgement.Of(rule, Prior, logits, samples, ClassVocabulary.Ham10000);
        var properties = new ModelProperties(16, "quick", 1, 1, "honest", Prior, 1, points, rule.Unsupported, HasActivationMap: false);
        var images = new AskedImages();
        var sheet = new AnswerSheet(images, properties);
        for (var image = 0; image < samples.Length; image++)
        {
            if (ClassVocabulary.Fine.ClassOf(samples[image].Label) is not null || ClassVocabulary.Ham10000.ClassOf(samples[image].Label) is not null)
            {
                sheet.Add(rule.Probabilities(logits.AsSpan(image * Diagnoses.Count, Diagnoses.Count)));
                images.Add(samples[image].Group, samples[image].Label);
            }
        }

        double?[] expected =
        [
            report?.Accuracy, report?.BalancedAccuracy, coarse.Images > 0 ? coarse.BalancedAccuracy : null, report?.MelanomaAuc,
            report?.SensitivityAtT95, report?.SpecificityAtT95, report?.SensitivityAtT90, report?.SpecificityAtT90, report?.CalibrationErrorAfter,
        ];
        Assert.Equal(expected.Select(Rounded), sheet.Figures([.. Enumerable.Repeat(1, images.Count)]).Select(Rounded));
        Assert.Equal((fine.Images, coarse.Images), (images.Fine, images.Ham10000));
    }, iter: 200);

    private static double? Rounded(double? figure) => figure is { } value ? Math.Round(value, 9) : null;
}
