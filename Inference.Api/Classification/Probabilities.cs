using Melanoma.Contracts;
using Melanoma.Contracts.V1;

namespace Melanoma.Inference.Classification;

/// <summary>From nine probabilities and what is decided by them to messages.</summary>
internal static class Probabilities
{
    public static IEnumerable<ClassProbability> ToMessages(IReadOnlyList<double> probabilities) =>
        probabilities.Select((probability, index) => new ClassProbability { Diagnosis = Diagnoses.Names[index], Probability = probability });

    /// <summary>The decision by the same number.</summary>
    public static Contracts.V1.Decision ToMessage(Contracts.Models.Decision? decision) => (Contracts.V1.Decision)(decision ?? 0);
}
