using Melanoma.Training.Embeddings;

namespace Melanoma.Training.LesionViews;

/// <summary>Brings rows to a space in which no direction varies more than another, so that what all pictures share does not make them alike.</summary>
internal static class Whitening
{
    /// <summary>New rows of length 1.</summary>
    /// <param name="rows">Of one length; at least one.</param>
    /// <param name="shrinkage">Added to every variance, where the mean one is 1; above 0.</param>
    public static float[][] Apply(IReadOnlyList<float[]> rows, double shrinkage)
    {
        var standard = Vectors.Standardise(rows);
        var factor = Cholesky(standard, shrinkage);
        var white = new float[standard.Length][];
        Parallel.For(0, standard.Length, i => white[i] = Solve(factor, standard[i]));
        return white;
    }

    /// <summary>The lower triangle L with L L' = covariance + shrinkage.</summary>
    private static double[][] Cholesky(float[][] rows, double shrinkage)
    {
        var length = rows[0].Length;
        var matrix = new double[length][];
        Parallel.For(0, length, i =>
        {
            matrix[i] = new double[i + 1];
            foreach (var row in rows)
            {
                for (var j = 0; j <= i; j++)
                {
                    matrix[i][j] += row[i] * row[j];
                }
            }

            for (var j = 0; j <= i; j++)
            {
                matrix[i][j] = (matrix[i][j] / rows.Length) + (i == j ? shrinkage : 0);
            }
        });
        for (var i = 0; i < length; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var value = matrix[i][j];
                for (var k = 0; k < j; k++)
                {
                    value -= matrix[i][k] * matrix[j][k];
                }

                matrix[i][j] = i == j ? Math.Sqrt(value) : value / matrix[j][j];
            }
        }

        return matrix;
    }

    private static float[] Solve(double[][] factor, float[] row)
    {
        var solution = new double[row.Length];
        for (var i = 0; i < row.Length; i++)
        {
            var value = (double)row[i];
            for (var j = 0; j < i; j++)
            {
                value -= factor[i][j] * solution[j];
            }

            solution[i] = value / factor[i][i];
        }

        var norm = Math.Max(Math.Sqrt(solution.Sum(value => value * value)), 1e-12);
        return Array.ConvertAll(solution, value => (float)(value / norm));
    }
}
