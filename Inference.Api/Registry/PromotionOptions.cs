using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Registry;

/// <summary>Settings of the section <c>Promotion</c>.</summary>
internal sealed class PromotionOptions
{
    public const string Section = "Promotion";

    /// <summary>Fewest test images on which two models are compared; with fewer a person decides. 1 to 1000000, default 20.</summary>
    [Range(1, 1_000_000)]
    public int MinimumTestImages { get; set; } = 20;

    /// <summary>Fewest melanomas among them from which the policy judges sensitivity; with fewer a person decides. 1 to 1000000, default 10.</summary>
    [Range(1, 1_000_000)]
    public int MinimumTestMelanomas { get; set; } = 10;

    /// <summary>How much lower than production's, on the same images, a candidate's balanced accuracy may be where the interval of the difference reaches 0; 0 to 1, default 0.02.</summary>
    [Range(0.0, 1.0)]
    public double LargestLoss { get; set; } = 0.02;

    /// <summary>Smallest share of the melanomas that a candidate must put at or above its own threshold for 95 % sensitivity; 0 to 1, default 0.85.</summary>
    [Range(0.0, 1.0)]
    public double SensitivityFloor { get; set; } = 0.85;

    /// <summary>Largest expected calibration error of a candidate, which small test sets exaggerate; 0 to 1, default 0.15.</summary>
    [Range(0.0, 1.0)]
    public double LargestCalibrationError { get; set; } = 0.15;

    /// <summary>Minutes after which a comparison of two models is given up, waiting for another one not included; 1 to 1440, default 20.</summary>
    [Range(1, 1440)]
    public int LongestComparisonMinutes { get; set; } = 20;

    /// <summary>Seconds between looks for candidates that nobody was woken for; 1 to 3600, default 30.</summary>
    [Range(1, 3600)]
    public int SweepSeconds { get; set; } = 30;
}
