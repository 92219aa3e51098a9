using Melanoma.Contracts;
using Melanoma.Contracts.V1;

namespace Melanoma.Inference.Classification;

/// <summary>From nine probabilities to a diagnosis and to messages.</summary>
internal static class Probabilities
{
    /// <summary>Digits behind the point of the probabilities that decide, so that the same picture is decided the same for ever.</summary>
    private const int DecidingDigits = 4;

    /// <summary>The supported diagnosis with the largest probability / prior, so that rare ones are not drowned by nevi; the first in index order among equals.</summary>
    /// <param name="probabilities">Nine, in index order.</param>
    /// <param name="prior">The class prior at which they are stated, nine numbers.</param>
    /// <param name="unsupported">Diagnoses that the model does not know.</param>
    public static Diagnosis Decide(ReadOnlySpan<double> probabilities, IReadOnlyList<double> prior, DiagnosisSet unsupported)
    {
        var (best, bestScore) = (default(Diagnosis), -1.0);
        for (var index = 0; index < Diagnoses.Count; index++)
        {
            var score = Math.Round(probabilities[index], DecidingDigits, MidpointRounding.AwayFromZero) / prior[index];
            if (!unsupported.Contains((Diagnosis)index) && prior[index] > 0 && score > bestScore)
            {
                (best, bestScore) = ((Diagnosis)index, score);
            }
        }

        return best;
    }

    public static IEnumerable<ClassProbability> ToMessages(IReadOnlyList<double> probabilities) =>
        probabilities.Select((probability, index) => new ClassProbability { Diagnosis = Diagnoses.Names[index], Probability = probability });
}
