using System.Globalization;

namespace Melanoma.Inference.Registry;

/// <summary>The stated policy: the first honest model is promoted, a later one when it is not worse than production on the same test images.</summary>
internal static class PromotionRule
{
    public static PromotionDecision Leaky { get; } =
        new(false, "Not promoted: it was trained by the leaky protocol, whose figures say nothing about new patients.");

    public static PromotionDecision First { get; } = new(true, "Promoted: it is the first model of an honest dataset.");

    public static PromotionDecision Bundled { get; } = new(true, "Promoted: it is the bundled model, and this installation has none of its own yet.");

    public static PromotionDecision Refused(string problem) => new(false, $"Not promoted: {problem}");

    /// <summary>Compares two models by what they scored on the same test images.</summary>
    public static PromotionDecision Compare(int candidate, int production, TestComparison comparison, int minimumImages)
    {
        if (comparison.Images < minimumImages)
        {
            return new(false, string.Create(
                CultureInfo.InvariantCulture,
                $"A person decides: only {comparison.Images} test images are left that neither version {candidate} nor version {production} was trained or chosen on; {minimumImages} are needed."));
        }

        var promote = comparison.Candidate >= comparison.Production;
        return new(promote, string.Create(
            CultureInfo.InvariantCulture,
            $"{(promote ? "Promoted" : "Not promoted")}: balanced accuracy {comparison.Candidate:0.0000} against {comparison.Production:0.0000} of version {production} on the same {comparison.Images} test images."));
    }
}

/// <summary>What the policy says of a candidate.</summary>
/// <param name="Promote">Whether it goes into production.</param>
/// <param name="Reason">Why, in one sentence.</param>
internal sealed record PromotionDecision(bool Promote, string Reason);

/// <summary>Two models on the same test images.</summary>
/// <param name="Images">Images judged.</param>
/// <param name="Candidate">Balanced accuracy of the candidate, 0 to 1.</param>
/// <param name="Production">Balanced accuracy of the version in production, 0 to 1.</param>
internal sealed record TestComparison(int Images, double Candidate, double Production);
