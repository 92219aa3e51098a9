namespace Melanoma.Contracts.Models;

/// <summary>The one rule by which probabilities become a diagnosis: where models answer, where they are judged and where they are compared.</summary>
public static class DiagnosisRule
{
    /// <summary>Digits behind the point of the probabilities that decide, so that the same picture is decided the same for ever.</summary>
    private const int DecidingDigits = 4;

    /// <summary>A probability as decisions see it: rounded to four decimals, halves away from zero.</summary>
    /// <param name="probability">0 to 1.</param>
    public static double Round(double probability) => Math.Round(probability, DecidingDigits, MidpointRounding.AwayFromZero);

    /// <summary>
    /// The supported diagnosis with the largest rounded probability / prior, so that rare ones are not drowned by nevi; the
    /// first in index order among equals.
    /// </summary>
    /// <param name="probabilities">Nine, in index order, 0 to 1.</param>
    /// <param name="prior">The class prior at which they are stated, nine numbers; a diagnosis of prior 0 is never named.</param>
    /// <param name="unsupported">Diagnoses that the model does not know.</param>
    public static Diagnosis Decide(ReadOnlySpan<double> probabilities, IReadOnlyList<double> prior, DiagnosisSet unsupported)
    {
        Span<double> supported = stackalloc double[Diagnoses.Count];
        for (var index = 0; index < supported.Length; index++)
        {
            supported[index] = unsupported.Contains((Diagnosis)index) ? 0 : prior[index];
        }

        return (Diagnosis)MostOutstanding(probabilities, supported);
    }

    /// <summary>
    /// The same rule for any classes, such as those of a coarser vocabulary: the index of the largest rounded probability / prior, the first among equals.
    /// </summary>
    /// <param name="probabilities">One a class, 0 to 1.</param>
    /// <param name="prior">One a class; a class of prior 0 is never named.</param>
    public static int MostOutstanding(ReadOnlySpan<double> probabilities, ReadOnlySpan<double> prior)
    {
        var (best, bestScore) = (0, -1.0);
        for (var index = 0; index < probabilities.Length; index++)
        {
            var score = prior[index] <= 0 ? -1 : Round(probabilities[index]) / prior[index];
            if (score > bestScore)
            {
                (best, bestScore) = (index, score);
            }
        }

        return best;
    }

    /// <summary>Mean recall over the classes that have images, 0 to 1; 0 where none has.</summary>
    /// <param name="right">Right diagnoses by class.</param>
    /// <param name="images">Images by class.</param>
    public static double BalancedAccuracy(ReadOnlySpan<long> right, ReadOnlySpan<long> images)
    {
        var (sum, classes) = (0.0, 0);
        for (var index = 0; index < images.Length; index++)
        {
            if (images[index] > 0)
            {
                sum += (double)right[index] / images[index];
                classes++;
            }
        }

        return classes == 0 ? 0 : sum / classes;
    }
}
