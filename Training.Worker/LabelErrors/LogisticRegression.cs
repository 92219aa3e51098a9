using Melanoma.Contracts;
using Melanoma.Training.Embeddings;

namespace Melanoma.Training.LabelErrors;

/// <summary>
/// Multinomial logistic regression over the nine diagnoses that learns from sets: the loss of a row is -ln of the probability of its set, and squared weights are
/// penalised. Rows weigh alike, so that the probabilities are those at the shares of the labels. The same rows in the same order give the same model, whatever
/// the number of cores.
/// </summary>
internal sealed class LogisticRegression
{
    private const int Classes = Diagnoses.Count;
    private const int RowsPerBlock = 256;
    private const int MostSteps = 60;
    private const double Tolerance = 1e-7;

    private readonly float[][] _weights;
    private readonly double[] _biases;

    private LogisticRegression(double[] parameters, int length)
    {
        _weights = Split(parameters, length);
        _biases = parameters[(Classes * length)..];
    }

    /// <summary>Trains on rows of one length, at least one, none of whose sets is empty.</summary>
    public static LogisticRegression Fit(IReadOnlyList<float[]> rows, IReadOnlyList<DiagnosisSet> labels, double penalty, CancellationToken cancellationToken)
    {
        var length = rows[0].Length;
        var supported = labels.Aggregate(DiagnosisSet.Empty, (all, label) => new DiagnosisSet((short)(all.Bits | label.Bits)));
        var blocks = Enumerable.Range(0, labels.Count).Chunk(RowsPerBlock).ToArray();
        var partial = blocks.Select(_ => new Partial(length)).ToArray();
        var parameters = new double[Classes * (length + 1)];
        for (var c = 0; c < Classes; c++)
        {
            // A diagnosis that no row names is never predicted.
            parameters[(Classes * length) + c] = supported.Contains((Diagnosis)c) ? 0 : -30;
        }

        Lbfgs.Minimise(parameters, Loss, MostSteps, Tolerance, cancellationToken);
        return new LogisticRegression(parameters, length);

        double Loss(double[] point, double[] gradient)
        {
            var (kernel, biases) = (Split(point, length), point[(Classes * length)..]);
            Parallel.For(0, blocks.Length, block => partial[block].Set(blocks[block], rows, labels, kernel, biases));
            var loss = 0.0;
            Array.Clear(gradient);
            for (var i = 0; i < Classes * length; i++)
            {
                loss += penalty / 2 * point[i] * point[i];
                gradient[i] = penalty * point[i];
            }

            foreach (var part in partial)
            {
                loss += part.Loss;
                for (var c = 0; c < Classes; c++)
                {
                    for (var i = 0; i < length; i++)
                    {
                        gradient[(c * length) + i] += part.Gradient[c][i];
                    }

                    gradient[(Classes * length) + c] += part.BiasGradient[c];
                }
            }

            return loss;
        }
    }

    /// <summary>What each diagnosis adds for each number of a row.</summary>
    public IReadOnlyList<float[]> Weights => _weights;

    /// <summary>What each diagnosis has before anything is added.</summary>
    public IReadOnlyList<double> Biases => _biases;

    /// <summary>Nine probabilities.</summary>
    public double[] Predict(float[] row) => Probabilities(row, _weights, _biases);

    private static float[][] Split(double[] parameters, int length) =>
        [.. Enumerable.Range(0, Classes).Select(c => Array.ConvertAll(parameters[(c * length)..((c + 1) * length)], value => (float)value))];

    private static double[] Probabilities(float[] row, float[][] kernel, double[] biases)
    {
        var values = new double[Classes];
        for (var c = 0; c < Classes; c++)
        {
            values[c] = Vectors.Dot(row, kernel[c]) + biases[c];
        }

        var largest = values.Max();
        for (var c = 0; c < Classes; c++)
        {
            values[c] = Math.Exp(values[c] - largest);
        }

        var sum = values.Sum();
        for (var c = 0; c < Classes; c++)
        {
            values[c] /= sum;
        }

        return values;
    }

    /// <summary>The loss of some rows and its gradient.</summary>
    private sealed class Partial(int length)
    {
        public double Loss { get; private set; }

        public float[][] Gradient { get; } = [.. Enumerable.Range(0, Classes).Select(_ => new float[length])];

        public double[] BiasGradient { get; } = new double[Classes];

        public void Set(int[] block, IReadOnlyList<float[]> rows, IReadOnlyList<DiagnosisSet> labels, float[][] kernel, double[] biases)
        {
            Loss = 0;
            Array.Clear(BiasGradient);
            foreach (var gradient in Gradient)
            {
                Array.Clear(gradient);
            }

            foreach (var i in block)
            {
                var probabilities = Probabilities(rows[i], kernel, biases);
                var right = Math.Max(1e-30, labels[i].Members.Sum(diagnosis => probabilities[(int)diagnosis]));
                Loss -= Math.Log(right);
                for (var c = 0; c < Classes; c++)
                {
                    var wanted = labels[i].Contains((Diagnosis)c) ? probabilities[c] / right : 0;
                    var slope = probabilities[c] - wanted;
                    BiasGradient[c] += slope;
                    Vectors.AddScaled(Gradient[c], rows[i], (float)slope);
                }
            }
        }
    }
}
