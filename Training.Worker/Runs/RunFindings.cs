using Melanoma.Training.LabelErrors;
using Melanoma.Training.LesionViews;

namespace Melanoma.Training.Runs;

/// <summary>What a run found in its dataset that a person is to look at.</summary>
/// <param name="LabelErrors">Claims that are likely to be wrong.</param>
/// <param name="LesionViews">Pairs of images that are likely to show one lesion.</param>
internal sealed record RunFindings(IReadOnlyList<LikelyLabelError> LabelErrors, IReadOnlyList<LesionViewPair> LesionViews)
{
    public static RunFindings None { get; } = new([], []);
}
