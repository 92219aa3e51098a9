using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Exports;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Models;

/// <summary>Holds the answers of a model against the labels, and against those of another.</summary>
internal sealed class Judge(ModelProperties properties, IReadOnlyList<ExportedImage> rows)
{
    private const int BatchSize = 8;

    private readonly Sample[] _samples = [.. rows.Index().Select(row => new Sample(row.Index, row.Item.Split, row.Item.Label, row.Index, IsVariant: false))];
    private readonly double[] _prior = [.. properties.ClassPrior];

    /// <summary>The probabilities of all pictures, nine each.</summary>
    public static double[][] Ask(byte[] model, ImageCache pictures)
    {
        using var session = OnnxSession.Open(model);
        var answers = new List<double[]>();
        foreach (var batch in Enumerable.Range(0, pictures.Count).Chunk(BatchSize))
        {
            byte[] pixels = [.. batch.SelectMany(place => pictures[place].ToArray())];
            using var results = session.Run(
                [NamedOnnxValue.CreateFromTensor(ModelGraph.Images, new DenseTensor<byte>(pixels, [batch.Length, pictures.Size, pictures.Size, 3]))], [ModelGraph.Probabilities]);
            answers.AddRange(results[0].AsEnumerable<float>().Select(probability => (double)probability).Chunk(Diagnoses.Count));
        }

        return [.. answers];
    }

    /// <summary>A row of the table.</summary>
    /// <param name="reference">What the model in full precision says.</param>
    public string Row(string name, double[][] answers, double[][] reference)
    {
        var (nine, seven) = (Of(answers, ClassVocabulary.Fine), Of(answers, ClassVocabulary.Ham10000));
        var changed = answers.Zip(reference).Average(pair => Diagnosis(pair.First) == Diagnosis(pair.Second) ? 0.0 : 1);
        double[] differences = [.. answers.Zip(reference).SelectMany(pair => pair.First.Zip(pair.Second, (one, other) => Math.Abs(one - other)))];
        return $"| {name} | {Text(nine.BalancedAccuracy)} | {Text(seven.BalancedAccuracy)} | {Text(nine.MelanomaAuc)} | {Text(Sensitivity(answers, properties.OperatingPoints?.T95))} | "
            + $"{Text(Sensitivity(answers, properties.OperatingPoints?.T90))} | {changed.ToString("0.0 %", CultureInfo.InvariantCulture)} | {Text(differences.Max())} | {Text(differences.Average())} |";
    }

    private Judgement Of(double[][] answers, ClassVocabulary vocabulary) => Judgement.Of([new JudgedPart(answers, _prior, _samples)], vocabulary);

    private Diagnosis Diagnosis(double[] answer) => DiagnosisRule.Decide(answer, _prior, properties.Unsupported);

    private double? Sensitivity(double[][] answers, double? threshold)
    {
        double[] melanomas = [.. answers.Where((_, i) => rows[i].Label == DiagnosisSet.Of(Contracts.Diagnosis.Melanoma)).Select(answer => DiagnosisRule.Round(answer[(int)Contracts.Diagnosis.Melanoma]))];
        return threshold is { } least && melanomas.Length > 0 ? melanomas.Average(probability => probability >= least ? 1.0 : 0) : null;
    }

    private static string Text(double? value) => value?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "";
}
