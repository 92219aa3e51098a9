using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class BaselineTests
{
    [Fact]
    public void Should_learn_colours_and_nothing_but_shares_when_the_colour_tells_the_diagnosis()
    {
        using var images = new TemporaryImages(size: 16, count: 200, classes: 4);
        // All melanomas, half of the three others.
        var kept = images.Samples.Where(sample => sample.Image % 4 == 3 || sample.Image / 4 % 2 == 0)
            .Select(sample => sample with { Split = sample.Split == Split.Validation ? Split.Test : Split.Train, IsVariant = false });
        var data = new TrainingData(images.Cache, [.. kept]);

        var recipe = TrainingRecipes.Find("quick", 1) with
        {
            Network = new NetworkDescription("tiny", 16, Normalization.ZeroToOne, [new Convolution(8, 3, 2), new Relu6(), new GlobalAveragePool(), new Dense(Diagnoses.Count)]),
        };
        using var untrained = new Network(recipe.Network, seed: 5);
        using var frozen = FrozenBaseline.Fit(recipe, data, untrained.Weights(), TrainerSettings.Cpu, TestContext.Current.CancellationToken);

        var baselines = Baselines.Of(data, seed: 1, frozen, TestContext.Current.CancellationToken);

        Assert.Null(FrozenBaseline.Fit(recipe, data, start: null, TrainerSettings.Cpu, TestContext.Current.CancellationToken));
        Assert.Equal([Baselines.MajorityClass, Baselines.ColourHistogram, FrozenBaseline.Name], baselines.Select(baseline => baseline.Name));
        var melanomas = (double)data.Test.Count(sample => sample.Label.Contains(Diagnosis.Melanoma)) / data.Test.Length;
        Assert.Equal((melanomas, 0.25, 0.5), (baselines[0].Accuracy, baselines[0].BalancedAccuracy, baselines[0].MelanomaAuc));
        Assert.All(baselines.Skip(1), baseline => Assert.True(baseline is { BalancedAccuracy: > 0.9, MelanomaAuc: > 0.9 }, $"{baseline}"));
    }

    [Theory]
    [InlineData(0.40, 0.36, 0.44, new string[0])]
    [InlineData(0.40, 0.33, 0.44, new[] { "Test set too small to tell two models apart: the 95 % interval of balanced accuracy is 11.0 points wide" })]
    [InlineData(0.34, 0.30, 0.38, new[] { "No better than a simple model: the balanced accuracy on test of the colour histogram + logistic regression, 32.0 %," })]
    [InlineData(0.12, 0.08, 0.16, new[] { "Did not learn: the balanced accuracy on test of the majority class, 11.1 %,", "No better than a simple model" })]
    public void Should_say_what_test_can_tell_when_a_model_stands_beside_simple_ones(double balanced, double low, double high, string[] begins)
    {
        BaselineFigures[] baselines = [Baseline(Baselines.MajorityClass, 1.0 / 9), Baseline(Baselines.ColourHistogram, 0.32)];

        var findings = Findings.OfTest(Figures(balanced, low, high), baselines);

        Assert.Equal(begins.Length, findings.Count);
        Assert.All(begins.Zip(findings), pair => Assert.StartsWith(pair.First, pair.Second, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0.70, "Better than version 7, the run before it on the same data: balanced accuracy on test differs by +0.100, 95 % interval +0.050 to +0.150")]
    [InlineData(0.64, "Indistinguishable from version 7, the run before it on the same data: balanced accuracy on test differs by +0.040, 95 % interval -0.010 to +0.090")]
    [InlineData(0.50, "Worse than version 7, the run before it on the same data: balanced accuracy on test differs by -0.100, 95 % interval -0.150 to -0.050")]
    public void Should_say_better_worse_or_indistinguishable_when_there_was_a_run_before(double balanced, string begins)
    {
        var previous = new ModelReport
        {
            Recipe = "quick",
            RecipeVersion = 1,
            DatasetId = 1,
            Protocol = "honest",
            Epochs = 1,
            Seed = 1,
            Parameters = 1,
            ClassesBefore = [],
            ClassesAfter = [],
            Validation = Figures(0.6, 0, 1),
            Test = Figures(0.6, 0.56, 0.64),
            TestLooks = 1,
            ClassPrior = [],
            Temperature = 1,
            Unsupported = [],
            ParityDifference = 0,
            Findings = [],
        };

        Assert.StartsWith(begins, Findings.OfPreviousRun(Figures(balanced, balanced - 0.03, balanced + 0.03), (7, previous)), StringComparison.Ordinal);
        Assert.Null(Findings.OfPreviousRun(null, (7, previous)));
    }

    private static BaselineFigures Baseline(string name, double balanced) => new(name, 0.5, new Interval(0, 1), balanced, new Interval(0, 1), 0.5, new Interval(0, 1));

    private static SplitFigures Figures(double balanced, double low, double high) => new()
    {
        Images = 500,
        Groups = 400,
        CoarseImages = 0,
        Accuracy = 0.5,
        AccuracyInterval = new Interval(0, 1),
        BalancedAccuracy = balanced,
        BalancedAccuracyInterval = new Interval(low, high),
        Loss = 1,
        CalibrationErrorBefore = 0,
        CalibrationErrorAfter = 0,
        Classes = [],
        Confusion = [],
    };
}
