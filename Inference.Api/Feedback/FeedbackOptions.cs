using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Feedback;

/// <summary>Settings of the section <c>Feedback</c>.</summary>
internal sealed class FeedbackOptions
{
    public const string Section = "Feedback";

    /// <summary>How often images are deleted that came with feedback and are settled, in seconds: 1 to 86400, default 60.</summary>
    [Range(1, 86_400)]
    public int SweepSeconds { get; set; } = 60;
}
