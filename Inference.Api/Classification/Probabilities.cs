using Melanoma.Contracts;
using Melanoma.Contracts.V1;

namespace Melanoma.Inference.Classification;

/// <summary>From nine probabilities to messages.</summary>
internal static class Probabilities
{
    public static IEnumerable<ClassProbability> ToMessages(IReadOnlyList<double> probabilities) =>
        probabilities.Select((probability, index) => new ClassProbability { Diagnosis = Diagnoses.Names[index], Probability = probability });
}
