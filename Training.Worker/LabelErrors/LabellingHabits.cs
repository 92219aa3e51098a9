using Melanoma.Contracts;

namespace Melanoma.Training.LabelErrors;

/// <summary>
/// How often lesions of one diagnosis are labelled as another, learned from disputed lesions together with their diagnoses (Dawid and Skene 1979), where the
/// model's probabilities are the prior of each lesion. A folder whose files are mostly claimed by another folder, too, is soon no longer believed.
/// </summary>
internal sealed class LabellingHabits
{
    private const int Classes = Diagnoses.Count;
    private const int Rounds = 10;
    private const double LeastProbability = 1e-6;

    /// <summary>Probability of each label (second index) for lesions of each diagnosis (first).</summary>
    private readonly double[,] _share = new double[Classes, Classes];

    private LabellingHabits(double errorRate)
    {
        for (var truth = 0; truth < Classes; truth++)
        {
            for (var label = 0; label < Classes; label++)
            {
                _share[truth, label] = Assumed(errorRate, truth, label);
            }
        }
    }

    /// <summary>Learns from lesions.</summary>
    /// <param name="lesions">The model's probabilities and the distinct claims, with weights, of each.</param>
    /// <param name="assumptionWeight">How many claims of each diagnosis the assumed error rate weighs.</param>
    public static LabellingHabits Learn(IReadOnlyList<Lesion> lesions, double errorRate, double assumptionWeight)
    {
        var habits = new LabellingHabits(errorRate);
        for (var round = 0; round < Rounds; round++)
        {
            var counts = new double[Classes, Classes];
            foreach (var lesion in lesions)
            {
                // What the model says of an undisputed label is no proof of a habit: the label stands.
                if (lesion.AgreedClaim is { IsEmpty: false } agreed)
                {
                    foreach (var label in agreed.Members)
                    {
                        counts[(int)label, (int)label] += 1.0 / agreed.Count;
                    }

                    continue;
                }

                var posterior = habits.Posterior(lesion);
                foreach (var (claim, _) in lesion.Claims.Where(weighed => weighed.Claim.Count == 1))
                {
                    for (var truth = 0; truth < Classes; truth++)
                    {
                        counts[truth, (int)claim.Sole] += posterior[truth];
                    }
                }
            }

            for (var truth = 0; truth < Classes; truth++)
            {
                var total = assumptionWeight;
                for (var label = 0; label < Classes; label++)
                {
                    total += counts[truth, label];
                }

                for (var label = 0; label < Classes; label++)
                {
                    habits._share[truth, label] = (counts[truth, label] + (assumptionWeight * Assumed(errorRate, truth, label))) / total;
                }
            }
        }

        return habits;
    }

    /// <summary>The probabilities of a lesion's diagnosis after its pictures and its claims.</summary>
    public double[] Posterior(Lesion lesion)
    {
        var values = new double[Classes];
        for (var truth = 0; truth < Classes; truth++)
        {
            values[truth] = Math.Log(Math.Max(LeastProbability, lesion.Model[truth]));
            foreach (var (claim, weight) in lesion.Claims)
            {
                values[truth] += weight * Math.Log(claim.Members.Sum(label => _share[truth, (int)label]));
            }
        }

        var largest = values.Max();
        var exponentials = Array.ConvertAll(values, value => Math.Exp(value - largest));
        var sum = exponentials.Sum();
        return Array.ConvertAll(exponentials, value => value / sum);
    }

    private static double Assumed(double errorRate, int truth, int label) => truth == label ? 1 - errorRate : errorRate / (Classes - 1);
}

/// <summary>What is known of a lesion.</summary>
/// <param name="Model">Nine probabilities by its pictures alone.</param>
/// <param name="Claims">Its distinct claims; a weight of 1 is that of one independent claim.</param>
internal sealed record Lesion(double[] Model, IReadOnlyList<(DiagnosisSet Claim, double Weight)> Claims)
{
    /// <summary>What all claims have in common; empty where they are disputed or there is none.</summary>
    public DiagnosisSet AgreedClaim { get; } =
        Claims.Count == 0 ? DiagnosisSet.Empty : Claims.Select(weighed => weighed.Claim).Aggregate((all, next) => all.Intersect(next));
}
