using Google.Protobuf;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.Training.Artefacts;

/// <summary>A file with what was measured of it.</summary>
internal sealed class JudgedFile
{
    private readonly ModelProto _graph;
    private readonly ModelProperties _properties;

    private JudgedFile(ModelProto graph, ModelProperties properties, byte[] file, ArtefactFigures figures) =>
        (_graph, _properties, File, Figures) = (graph, properties, file, figures);

    public byte[] File { get; }

    public ArtefactFigures Figures { get; }

    /// <summary>Judges a file on validation as it is.</summary>
    public static JudgedFile Of(byte[] file, TrainingData data)
    {
        var graph = OnnxFile.Parse(file);
        var properties = OnnxFile.PropertiesOf(graph);
        return Of(graph, properties, file, OnnxAnswers.Of(graph, data.Images, data.Validation), data);
    }

    /// <summary>Gives a file a temperature, thresholds and a limit of familiar distances of its own, from what it says on validation, and judges it there.</summary>
    /// <param name="file">A file whose network was changed after it was calibrated.</param>
    public static JudgedFile Calibrated(byte[] file, TrainingData data)
    {
        var graph = OnnxFile.Parse(file);
        var properties = OnnxFile.PropertiesOf(graph);
        var answers = OnnxAnswers.Of(graph, data.Images, data.Validation);
        var rule = RuleOf(properties);
        rule = rule with { Temperature = TemperatureScaling.Fit(rule with { Temperature = 1 }, properties.ClassPrior, answers.Logits, data.Validation) };
        properties = properties with
        {
            Temperature = rule.Temperature,
            OperatingPoints = Judgement.Of(rule, properties.ClassPrior, answers.Logits, data.Validation).ChooseOperatingPoints(),
            DistanceLimit = answers.Distances.Length > 0 ? TrainingDistribution.LimitOf(answers.Distances) : properties.DistanceLimit,
        };
        OnnxExporter.Recalibrate(graph, properties);
        return Of(graph, properties, graph.ToByteArray(), answers, data);
    }

    public JudgedFile Taking(double milliseconds) => new(_graph, _properties, File, Figures with { Milliseconds = milliseconds });

    /// <summary>The figures, with how it does on test.</summary>
    public ArtefactFigures WithTest(TrainingData data) =>
        data.Test.Length == 0 ? Figures : Figures with { Test = SplitOf(_properties, OnnxAnswers.Of(_graph, data.Images, data.Test), data.Test) };

    private static JudgedFile Of(ModelProto graph, ModelProperties properties, byte[] file, OnnxAnswers validation, TrainingData data) => new(
        graph,
        properties,
        file,
        new ArtefactFigures(
            properties.Precision, file.Length, Milliseconds: null, properties.Temperature, properties.OperatingPoints, SplitOf(properties, validation, data.Validation), Test: null));

    private static ArtefactSplit SplitOf(ModelProperties properties, OnnxAnswers answers, IReadOnlyList<Sample> samples) =>
        Judgement.Of(RuleOf(properties), properties.ClassPrior, answers.Logits, samples).ArtefactFigures(properties.OperatingPoints);

    // The answers are at the stated prior already.
    private static OutputRule RuleOf(ModelProperties properties) =>
        new(properties.Temperature, [.. Enumerable.Range(0, Diagnoses.Count).Select(i => !properties.Unsupported.Contains((Diagnosis)i))], new double[Diagnoses.Count]);
}
