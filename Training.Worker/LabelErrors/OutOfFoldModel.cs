using System.Security.Cryptography;
using System.Text;
using Melanoma.Contracts;

namespace Melanoma.Training.LabelErrors;

/// <summary>Judges every picture by models that have seen no picture of its lesion.</summary>
internal static class OutOfFoldModel
{
    /// <summary>Nine probabilities for each row.</summary>
    /// <param name="rows">Standardised embeddings of one length.</param>
    /// <param name="groups">The lesion of each row; it decides the fold, by its hash.</param>
    /// <param name="targets">What each row teaches; nothing where empty.</param>
    /// <param name="folds">At least 2.</param>
    public static double[][] Predict(
        float[][] rows, IReadOnlyList<string> groups, IReadOnlyList<DiagnosisSet> targets, int folds, double penalty, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        var fold = groups.Select(group => FoldOf(group, folds)).ToArray();
        var predictions = new double[rows.Length][];
        for (var held = 0; held < folds; held++)
        {
            var seen = Enumerable.Range(0, rows.Length).Where(i => fold[i] != held && !targets[i].IsEmpty).ToArray();
            var model = seen.Length == 0
                ? null
                : LogisticRegression.Fit([.. seen.Select(i => rows[i])], [.. seen.Select(i => targets[i])], penalty, cancellationToken);
            for (var i = 0; i < rows.Length; i++)
            {
                if (fold[i] == held)
                {
                    predictions[i] = model?.Predict(rows[i]) ?? [.. Enumerable.Repeat(1.0 / Diagnoses.Count, Diagnoses.Count)];
                }
            }
        }

        return predictions;
    }

    private static int FoldOf(string group, int folds) => SHA256.HashData(Encoding.UTF8.GetBytes(group))[0] % folds;
}
