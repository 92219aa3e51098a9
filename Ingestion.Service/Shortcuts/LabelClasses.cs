using Melanoma.Contracts;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>
/// The classes of a dataset: every diagnosis that some label names alone, and every coarse label none of whose members is named alone.
/// Any other coarse label counts in part for each such member, in proportion to their images.
/// </summary>
internal sealed class LabelClasses
{
    private readonly Dictionary<DiagnosisSet, double[]> _shares = [];

    /// <param name="labels">How many images have each label.</param>
    public LabelClasses(IReadOnlyDictionary<DiagnosisSet, int> labels)
    {
        var sole = labels.Where(label => label.Key.Count == 1).ToDictionary(label => label.Key, label => label.Value);
        bool IsClass(DiagnosisSet label) => label.Count == 1 || !sole.Keys.Any(label.Meets);
        Classes = [.. labels.Keys.Where(IsClass).OrderBy(label => label.Bits)];
        foreach (var label in labels.Keys)
        {
            var weights = Classes.Select(candidate => candidate == label ? 1.0 : IsClass(label) || !label.Meets(candidate) ? 0 : labels[candidate]).ToArray();
            var sum = weights.Sum();
            _shares[label] = [.. weights.Select(weight => weight / sum)];
        }
    }

    /// <summary>In the order of their smallest diagnoses.</summary>
    public IReadOnlyList<DiagnosisSet> Classes { get; }

    /// <summary>How a label counts in each class, in the order of <see cref="Classes"/>; the sum is 1.</summary>
    public double[] SharesOf(DiagnosisSet label) => _shares[label];
}
