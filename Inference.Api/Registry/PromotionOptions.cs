using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Registry;

/// <summary>Settings of the section <c>Promotion</c>.</summary>
internal sealed class PromotionOptions
{
    public const string Section = "Promotion";

    /// <summary>Fewest test images on which the policy compares two models; with fewer a person decides. 1 to 1000000, default 20.</summary>
    [Range(1, 1_000_000)]
    public int MinimumTestImages { get; set; } = 20;

    /// <summary>Seconds between looks for candidates that nobody was woken for; 1 to 3600, default 30.</summary>
    [Range(1, 3600)]
    public int SweepSeconds { get; set; } = 30;
}
