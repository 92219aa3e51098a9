using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.CrossValidations;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;

namespace Melanoma.UnitTests.Training;

public sealed class FoldFiguresTests
{
    [Fact]
    public void Should_name_each_diagnosis_by_the_prior_of_its_own_fold_when_folds_are_put_together()
    {
        // The same answer, 0.4 melanoma and 0.6 nevus, is melanoma where melanomas were rare in training and nevus where they were not.
        var rare = Part(melanomaPrior: 0.1, DiagnosisSet.Of(Diagnosis.Melanoma), DiagnosisSet.Of(Diagnosis.Nevus));
        var common = Part(melanomaPrior: 0.5, DiagnosisSet.Of(Diagnosis.Melanoma), DiagnosisSet.Of(Diagnosis.Nevus), DiagnosisSet.Of(Diagnosis.Nevus));

        var figures = FoldLedger.Judge([(0, rare), (1, common)], seed: 1);

        Assert.Equal([0, 1], figures.Folds.Select(fold => fold.Fold!.Value));
        Assert.Equal([2, 3, 5], figures.Folds.Append(figures.All).Select(fold => fold.Diagnoses.Images));
        Assert.Equal(new double?[] { 1, 0 }, Recalls(figures.Folds[0]));
        Assert.Equal(new double?[] { 0, 1 }, Recalls(figures.Folds[1]));
        Assert.Equal(new double?[] { 0.5, 2.0 / 3 }, Recalls(figures.All));
        Assert.Equal(3.0 / 5, figures.All.Diagnoses.Accuracy, 9);
        Assert.Equivalent(figures, CrossValidationFigures.FromJson(figures.ToJson()), strict: true);
    }

    [Fact]
    public void Should_judge_coarse_labels_in_the_seven_classes_alone()
    {
        var part = Part(0.5, DiagnosisSet.Of(Diagnosis.Nevus), DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis));

        var figures = FoldLedger.Judge([(0, part)], seed: 1);

        Assert.Equal((1, 2), (figures.All.Diagnoses.Images, figures.All.Ham10000.Images));
    }

    private static double?[] Recalls(FoldFigures fold) =>
        [.. fold.Diagnoses.Classes.Where(item => item.Images > 0).Select(item => item.Recall)];

    private static JudgedPart Part(double melanomaPrior, params DiagnosisSet[] labels)
    {
        var (answer, prior) = (new double[Diagnoses.Count], new double[Diagnoses.Count]);
        (answer[(int)Diagnosis.Melanoma], answer[(int)Diagnosis.Nevus]) = (0.4, 0.6);
        (prior[(int)Diagnosis.Melanoma], prior[(int)Diagnosis.Nevus]) = (melanomaPrior, 1 - melanomaPrior);
        return new JudgedPart([.. labels.Select(_ => answer)], prior, [.. labels.Select((label, i) => new Sample(i, Split.Validation, label, i, IsVariant: false))]);
    }
}
