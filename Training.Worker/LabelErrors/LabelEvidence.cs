using System.Globalization;
using Melanoma.Contracts;

namespace Melanoma.Training.LabelErrors;

/// <summary>Puts the reasons for doubt into words.</summary>
internal static class LabelEvidence
{
    /// <param name="against">Claims of the same lesion that exclude this one, with the rows that carry them.</param>
    public static string Sentence(
        LabelledEmbedding[] rows, int row, DiagnosisSet claim, double[] model, IReadOnlyList<(int Row, DiagnosisSet Claim)> against)
    {
        var ofClaim = claim.Members.Sum(diagnosis => model[(int)diagnosis]);
        var likeliest = model.IndexOf(model.Max());
        var sentences = new List<string>();
        if (against.Where(other => other.Row == row).ToList() is { Count: > 0 } same)
        {
            sentences.Add($"The same picture is also labelled {Names(same)}: one of the two is wrong.");
        }

        if (against.Where(other => other.Row != row).ToList() is { Count: > 0 } others)
        {
            var ids = others.Select(other => rows[other.Row].Image).Distinct().ToList();
            var more = ids.Count > 3 ? string.Create(CultureInfo.InvariantCulture, $" and {ids.Count - 3} more") : "";
            sentences.Add($"Another picture of the lesion is labelled {Names(others)} ({string.Join(", ", ids.Take(3))}{more}).");
        }

        var verdict = claim.Contains((Diagnosis)likeliest) ? "and holds it for the likeliest" : $"and {Diagnoses.Names[likeliest]} {Percent(model[likeliest])}";
        sentences.Add($"A model trained on other lesions gives {claim} {Percent(ofClaim)} {verdict}.");
        return string.Join(' ', sentences);
    }

    private static string Names(List<(int Row, DiagnosisSet Claim)> claims) =>
        string.Join(" and ", claims.Select(other => other.Claim.ToString()).Distinct().Order(StringComparer.Ordinal));

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0} %");
}
