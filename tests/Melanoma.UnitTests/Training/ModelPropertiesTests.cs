using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Evaluation;

namespace Melanoma.UnitTests.Training;

public sealed class ModelPropertiesTests
{
    private static readonly ModelProperties Properties = new(
        128, "quick", 1, 7, "honest", [0.1, 0.1, 0.1, 0.2, 0.2, 0.1, 0, 0.1, 0.1], 1.25, new OperatingPoints(0.031, 0.12),
        DiagnosisSet.Of(Diagnosis.SeborrheicKeratosis), HasActivationMap: true, Views: 8, Precision: ModelProperties.EightBits);

    [Fact]
    public void Should_come_back_whole_when_properties_are_written_and_read()
    {
        var read = ModelProperties.FromMetadata(Properties.ToMetadata());

        Assert.Equal(Properties.ClassPrior, read.ClassPrior);
        Assert.Equal(Properties with { ClassPrior = [] }, read with { ClassPrior = [] });
        Assert.Equal(1, ModelProperties.FromMetadata(Properties.ToMetadata().Where(property => property.Key != "melanoma.views").ToDictionary()).Views);
        Assert.Equal("fp32", ModelProperties.FromMetadata(Properties.ToMetadata().Where(property => property.Key != "melanoma.precision").ToDictionary()).Precision);
        Assert.Null(ModelProperties.FromMetadata((Properties with { OperatingPoints = null }).ToMetadata()).OperatingPoints);
    }

    [Theory]
    [InlineData("melanoma.classes", "[\"nevus\"]")]
    [InlineData("melanoma.class_prior", "[0.5, 0.5]")]
    [InlineData("melanoma.temperature", "0")]
    [InlineData("melanoma.temperature", "NaN")]
    [InlineData("melanoma.input_size", "wide")]
    [InlineData("melanoma.unsupported", "[\"freckle\"]")]
    [InlineData("melanoma.operating_points", "{")]
    [InlineData("melanoma.precision", "int4")]
    [InlineData("melanoma.recipe", null)]
    public void Should_refuse_the_properties_when_one_is_missing_or_wrong(string name, string? value)
    {
        var metadata = new Dictionary<string, string>(Properties.ToMetadata());
        metadata.Remove(name);
        if (value is not null)
        {
            metadata[name] = value;
        }

        Assert.Throws<FormatException>(() => ModelProperties.FromMetadata(metadata));
    }

    [Fact]
    public void Should_say_that_it_did_not_learn_when_validation_stays_at_the_commonest_class()
    {
        var figures = Figures(accuracy: 0.21, 20, 80);

        Assert.Contains(Findings.Of(Epoch(0.21), figures with { Accuracy = 0.81 }, null, leaky: false), finding => finding.StartsWith("Did not learn", StringComparison.Ordinal));
        Assert.DoesNotContain(Findings.Of(Epoch(0.9), figures with { Accuracy = 0.9 }, null, leaky: false), finding => finding.StartsWith("Did not learn", StringComparison.Ordinal));
        Assert.Contains(Findings.Of(Epoch(0.5), figures with { Accuracy = 0.9 }, figures, leaky: true), finding => finding.StartsWith("Leaky", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0.99, 0.6, "Over-fit")]
    [InlineData(0.55, 0.6, "Under-fit")]
    public void Should_name_the_fit_when_training_and_validation_are_compared(double training, double validation, string finding) =>
        Assert.Contains(Findings.Of(Epoch(training), Figures(validation, 50, 50), null, leaky: false), said => said.StartsWith(finding, StringComparison.Ordinal));

    private static EpochReport Epoch(double trainingAccuracy) => new(1, 1, trainingAccuracy, 1, 0, 0);

    private static SplitFigures Figures(double accuracy, params int[] images) => new()
    {
        Images = images.Sum(),
        Groups = images.Sum(),
        CoarseImages = 0,
        Accuracy = accuracy,
        AccuracyInterval = new Interval(0, 1),
        BalancedAccuracy = accuracy,
        BalancedAccuracyInterval = new Interval(0, 1),
        Loss = 1,
        CalibrationErrorBefore = 0,
        CalibrationErrorAfter = 0,
        Classes = [.. images.Select((count, i) => new ClassFigures(Diagnoses.Names[i], count, null, null, null))],
        Confusion = [],
    };
}
