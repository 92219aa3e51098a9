using Melanoma.Contracts;
using Melanoma.Training.Embeddings;
using Melanoma.Training.Images;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Loop;

/// <summary>
/// The last layer of a network whose other layers are frozen: logistic regression on the embeddings, whose numbers are brought to mean 0 and one deviation first, so that squared
/// lengths have mean 1. It is stated for the embeddings as they come, so that it can be put into the network.
/// </summary>
/// <param name="Kernel">[9, D], row by row.</param>
/// <param name="Bias">Nine.</param>
/// <param name="Loss">Mean cross-entropy on the images it was fitted to, in nats.</param>
/// <param name="Accuracy">Share of them whose most probable class is theirs.</param>
internal sealed record LastLayer(float[] Kernel, float[] Bias, double Loss, double Accuracy)
{
    /// <summary>The same as for the search for label errors, where it was chosen (docs/label-errors.md).</summary>
    public const double Penalty = 0.25;

    /// <summary>What varies by less than this share of the middle deviation says nothing, and would say much of a picture in which it varies.</summary>
    private const double Least = 1e-3;

    /// <summary>What a network's last layer is given, for pictures as they are.</summary>
    /// <param name="network">All but its last layer is used.</param>
    /// <param name="pixels">Where the pictures are.</param>
    /// <param name="samples">Which ones.</param>
    /// <param name="batch">How many at a time.</param>
    /// <param name="embedded">Told after each batch.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    /// <returns>A row for each sample.</returns>
    public static float[][] Embed(
        Network network, PixelSource pixels, IReadOnlyList<Sample> samples, int batch, Action? embedded = null, CancellationToken cancellationToken = default)
    {
        using var frozen = new FrozenNetwork(network);
        var rows = new List<float[]>(samples.Count);
        foreach (var part in samples.Chunk(batch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var values = frozen.Ask(pixels, Array.ConvertAll(part, sample => sample.Image)).Embeddings;
            rows.AddRange(values.Chunk(values.Length / part.Length));
            embedded?.Invoke();
        }

        return [.. rows];
    }

    /// <summary>Fits it.</summary>
    /// <param name="rows">Embeddings, at least one.</param>
    /// <param name="labels">Their labels; diagnoses that are not supported are passed over.</param>
    /// <param name="supported">Which diagnoses there are; the label of each row has one of them.</param>
    /// <param name="penalty">On squared weights, of embeddings whose squared lengths have mean 1.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static LastLayer Fit(IReadOnlyList<float[]> rows, IReadOnlyList<DiagnosisSet> labels, bool[] supported, double penalty, CancellationToken cancellationToken)
    {
        var all = DiagnosisSet.Of([.. Enumerable.Range(0, Diagnoses.Count).Where(i => supported[i]).Select(i => (Diagnosis)i)]);
        DiagnosisSet[] targets = [.. labels.Select(label => new DiagnosisSet((short)(label.Bits & all.Bits)))];
        var (means, scales) = Standard(rows);
        var model = LogisticRegression.Fit([.. rows.Select(Standardised)], targets, penalty, cancellationToken);
        var (length, loss, right) = (means.Length, 0.0, 0);
        foreach (var (row, target) in rows.Zip(targets))
        {
            var probabilities = model.Predict(Standardised(row));
            loss -= Math.Log(Math.Max(1e-30, target.Members.Sum(diagnosis => probabilities[(int)diagnosis])));
            right += target.Contains((Diagnosis)Array.IndexOf(probabilities, probabilities.Max())) ? 1 : 0;
        }

        var (kernel, bias) = (new float[Diagnoses.Count * length], new float[Diagnoses.Count]);
        for (var c = 0; c < Diagnoses.Count; c++)
        {
            var constant = model.Biases[c];
            for (var i = 0; i < length; i++)
            {
                var weight = model.Weights[c][i] * scales[i];
                kernel[(c * length) + i] = (float)weight;
                constant -= weight * means[i];
            }

            bias[c] = (float)constant;
        }

        return new LastLayer(kernel, bias, loss / rows.Count, right / (double)rows.Count);

        float[] Standardised(float[] row)
        {
            var standard = new float[row.Length];
            for (var i = 0; i < row.Length; i++)
            {
                standard[i] = (float)((row[i] - means[i]) * scales[i]);
            }

            return standard;
        }
    }

    /// <summary>Nine logits.</summary>
    public float[] Logits(float[] row)
    {
        var logits = new float[Diagnoses.Count];
        for (var c = 0; c < Diagnoses.Count; c++)
        {
            logits[c] = Vectors.Dot(row, Kernel.AsSpan(c * row.Length, row.Length)) + Bias[c];
        }

        return logits;
    }

    // What is subtracted from each column and what it is multiplied with: 0 for a column that hardly varies, else 1 / (its deviation x the root of their number).
    private static (double[] Means, double[] Scales) Standard(IReadOnlyList<float[]> rows)
    {
        var (means, scales) = (new double[rows[0].Length], new double[rows[0].Length]);
        foreach (var row in rows)
        {
            for (var i = 0; i < means.Length; i++)
            {
                means[i] += row[i] / (double)rows.Count;
            }
        }

        foreach (var row in rows)
        {
            for (var i = 0; i < means.Length; i++)
            {
                scales[i] += (row[i] - means[i]) * (row[i] - means[i]) / rows.Count;
            }
        }

        var deviations = Array.ConvertAll(scales, Math.Sqrt);
        var least = Least * deviations.Order().ElementAt(deviations.Length / 2);
        return (means, Array.ConvertAll(deviations, deviation => deviation > least ? 1 / (deviation * Math.Sqrt(means.Length)) : 0));
    }
}
