using Melanoma.Contracts;
using Melanoma.Training.Embeddings;

namespace Melanoma.Training.LabelErrors;

/// <summary>
/// Ranks claims by how likely they are wrong: a model that was trained on other lesions looks at the pictures (confident learning, Northcutt et al. 2021), and
/// claims on the same picture or lesion that exclude each other cannot both be right. It proposes; it changes nothing.
/// </summary>
internal static class LabelErrorFinder
{
    /// <summary>Every claim of every row, the likeliest error first. The result depends on the rows, not on their order or the number of cores.</summary>
    /// <param name="rows">One per picture; ids are distinct, and at least two lesions should have claims.</param>
    /// <exception cref="ArgumentException">Two rows have one id, or embeddings differ in length.</exception>
    public static IReadOnlyList<LikelyLabelError> Rank(IReadOnlyList<LabelledEmbedding> rows, LabelErrorOptions options, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
        {
            return [];
        }

        var ordered = rows.OrderBy(row => row.Image, StringComparer.Ordinal).ToArray();
        if (ordered.DistinctBy(row => row.Image).Count() != ordered.Length || ordered.DistinctBy(row => row.Embedding.Length).Count() != 1)
        {
            throw new ArgumentException("Rows must have ids of their own and embeddings of one length.", nameof(rows));
        }

        // Divided by the root of their length, so that the penalty means the same for long embeddings.
        var embeddings = Vectors.Standardise([.. ordered.Select(row => row.Embedding)], Math.Sqrt(ordered[0].Embedding.Length));
        string[] groups = [.. ordered.Select(row => row.Group)];
        DiagnosisSet[] targets = [.. ordered.Select(row => Union(row.Claims))];
        var model = OutOfFoldModel.Predict(embeddings, groups, targets, options.Folds, options.Penalty, cancellationToken);
        return [.. Judge(ordered, model, options).Select(verdict => verdict.Describe(ordered))];
    }

    /// <summary>What a picture teaches: one of the diagnoses that are claimed.</summary>
    private static DiagnosisSet Union(IEnumerable<DiagnosisSet> claims) => new((short)claims.Aggregate(0, (bits, claim) => bits | (ushort)claim.Bits));

    private static List<Verdict> Judge(LabelledEmbedding[] rows, double[][] model, LabelErrorOptions options)
    {
        // Without copies every claim stands for itself.
        var cases = options.UseCopies
            ? Enumerable.Range(0, rows.Length).GroupBy(i => rows[i].Group).Select(group => Case.Of([.. group], rows, model)).ToList()
            : [.. Enumerable.Range(0, rows.Length).SelectMany(i => rows[i].Claims.Distinct().Select(claim => Case.Alone(i, claim, model[i])))];
        var habits = LabellingHabits.Learn([.. cases.Select(each => each.Lesion)], options.ErrorRate, options.ErrorRateWeight);
        return
        [
            .. cases.SelectMany(each => each.Verdicts(habits.Posterior(each.Lesion), model))
                .OrderByDescending(verdict => verdict.LogOdds)
                .ThenBy(verdict => rows[verdict.Row].Image, StringComparer.Ordinal)
                .ThenBy(verdict => verdict.Claim.Bits),
        ];
    }

    /// <summary>The claims that are judged together.</summary>
    private sealed record Case(IReadOnlyList<(int Row, DiagnosisSet Claim)> Claims, Lesion Lesion)
    {
        public static Case Alone(int row, DiagnosisSet claim, double[] model) => new([(row, claim)], new Lesion(model, [(claim, 1)]));

        public static Case Of(int[] group, LabelledEmbedding[] rows, double[][] model)
        {
            List<(int Row, DiagnosisSet Claim)> claims = [.. group.SelectMany(i => rows[i].Claims.Distinct().Select(claim => (i, claim)))];

            // Labels of one lesion that agree were mostly given once; where they do not, every picture's counts.
            var counts = claims.CountBy(claim => claim.Claim).OrderBy(count => count.Key.Bits).ToList();
            var isDisputed = counts.Any(count => counts.Any(other => !other.Key.Meets(count.Key)));
            var weighed = counts.Select(count => (count.Key, isDisputed ? (double)count.Value : 1.0 / counts.Count)).ToList();
            return new(claims, new Lesion(GeometricMean([.. group.Select(i => model[i])]), weighed));
        }

        public IEnumerable<Verdict> Verdicts(double[] posterior, double[][] model)
        {
            foreach (var (row, claim) in Claims)
            {
                var right = claim.Members.Sum(diagnosis => posterior[(int)diagnosis]);
                var wrong = Enumerable.Range(0, posterior.Length).Where(i => !claim.Contains((Diagnosis)i)).Sum(i => posterior[i]);
                var suggested = Enumerable.Range(0, posterior.Length).MaxBy(i => claim.Contains((Diagnosis)i) ? -1 : posterior[i]);
                var logOdds = Math.Log(Math.Max(wrong, 1e-300) / Math.Max(right, 1e-300));
                yield return new Verdict(row, claim, logOdds, (Diagnosis)suggested, model[row], [.. Claims.Where(other => !other.Claim.Meets(claim))]);
            }
        }

        private static double[] GeometricMean(double[][] probabilities)
        {
            var mean = Enumerable.Range(0, Diagnoses.Count).Select(c => Math.Exp(probabilities.Average(each => Math.Log(Math.Max(each[c], 1e-12))))).ToArray();
            var sum = mean.Sum();
            return Array.ConvertAll(mean, value => value / sum);
        }
    }

    private sealed record Verdict(
        int Row, DiagnosisSet Claim, double LogOdds, Diagnosis Suggested, double[] Model, IReadOnlyList<(int Row, DiagnosisSet Claim)> Against)
    {
        public bool IsDisputed => Against.Count > 0;

        public LikelyLabelError Describe(LabelledEmbedding[] rows)
        {
            var ofClaim = Claim.Members.Sum(diagnosis => Model[(int)diagnosis]);
            var score = 1 / (1 + Math.Exp(-LogOdds));
            return new(rows[Row].Image, Claim, score, Suggested, ofClaim, IsDisputed, LabelEvidence.Sentence(rows, Row, Claim, Model, Against));
        }
    }
}
