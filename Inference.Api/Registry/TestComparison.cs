using System.Collections.Immutable;
using Melanoma.Contracts.Models;

namespace Melanoma.Inference.Registry;

/// <summary>Two model versions on the same test images, none of whose lesions either was trained or chosen on.</summary>
internal sealed record TestComparison
{
    public required int Version { get; init; }

    public required int OtherVersion { get; init; }

    /// <summary>The dataset whose test split it is.</summary>
    public required int DatasetId { get; init; }

    /// <summary>Images with one diagnosis that both answered, or could be asked about where too few are left.</summary>
    public required int Images { get; init; }

    /// <summary>Fewest images on which models are compared.</summary>
    public required int LeastImages { get; init; }

    /// <summary>Images that both answered and whose label fits in one class of HAM10000.</summary>
    public int Ham10000Images { get; init; }

    /// <summary>Lesion groups of all these images, the unit of the intervals.</summary>
    public int Lesions { get; init; }

    /// <summary>Melanomas among <see cref="Images"/>.</summary>
    public int Melanomas { get; init; }

    /// <summary>Share of the melanomas at or above the version's own threshold for 95 % sensitivity; null without melanomas or a threshold.</summary>
    public double? Sensitivity { get; init; }

    /// <summary>Test images that were left out.</summary>
    public required LeftOutImages LeftOut { get; init; }

    /// <summary>The figures of both, in the order of <see cref="ComparedFigure.Names"/>; empty where too few images are left.</summary>
    public ImmutableArray<ComparedFigure> Figures { get; init; } = [];

    /// <summary>How often the dataset's test lesions were looked at until now, this time counted.</summary>
    public int TestLooks { get; init; }

    /// <summary>The figure whose verdict is that of the comparison; null where too few images are left.</summary>
    public ComparedFigure? BalancedAccuracy => Find(ComparedFigure.BalancedAccuracy);

    public ComparedFigure? Find(string name) => Figures.FirstOrDefault(figure => figure.Name == name);
}

/// <summary>Test images that are not compared on, each for the first reason that holds.</summary>
/// <param name="SeenByVersion">The version was trained or chosen on an image of the lesion.</param>
/// <param name="SeenByOther">The other version was.</param>
/// <param name="SeenByBoth">Both were; counted in the two before as well.</param>
/// <param name="Forgotten">The image was forgotten since the dataset was made.</param>
/// <param name="Coarse">The label names several diagnoses; those of one class of HAM10000 are judged in its words alone.</param>
/// <param name="Unreadable">The image cannot be decoded.</param>
internal sealed record LeftOutImages(int SeenByVersion, int SeenByOther, int SeenByBoth, int Forgotten, int Coarse, int Unreadable)
{
    /// <summary>Images of lesions that at least one of the two has seen.</summary>
    public int Seen => SeenByVersion + SeenByOther - SeenByBoth;
}

/// <summary>A figure of both versions; the difference is the version's minus the other's.</summary>
/// <param name="Name">One of <see cref="Names"/>.</param>
/// <param name="Version">The version's, 0 to 1.</param>
/// <param name="Other">The other's.</param>
/// <param name="Interval">95 % interval of the difference, paired: both on the same drawn lesions.</param>
internal sealed record ComparedFigure(string Name, double Version, double Other, Interval Interval)
{
    public const string BalancedAccuracy = "balanced_accuracy";
    public const string CalibrationError = "calibration_error";

    /// <summary>All figures, in the order in which they are computed and shown.</summary>
    public static ImmutableArray<string> Names { get; } =
    [
        "accuracy", BalancedAccuracy, "ham10000_balanced_accuracy", "melanoma_auc",
        "sensitivity_t95", "specificity_t95", "sensitivity_t90", "specificity_t90", CalibrationError,
    ];

    public double Difference => Version - Other;

    /// <summary>The stated rule: a difference is one where its 95 % interval leaves 0 out.</summary>
    public ComparisonVerdict Verdict
    {
        get
        {
            // Of the calibration error less is better.
            var (low, high) = Name == CalibrationError ? (-Interval.High, -Interval.Low) : (Interval.Low, Interval.High);
            return low > 0 ? ComparisonVerdict.Better : high < 0 ? ComparisonVerdict.Worse : ComparisonVerdict.Indistinguishable;
        }
    }
}

/// <summary>How the version does against the other.</summary>
internal enum ComparisonVerdict
{
    Better,
    Worse,
    Indistinguishable,
}
