using System.ComponentModel.DataAnnotations;

namespace Melanoma.Ingestion.Feedback;

/// <summary>Feedback on its way to the data team: section <c>Ingestion:Feedback</c>.</summary>
internal sealed class FeedbackOptions
{
    public const string Section = "Ingestion:Feedback";

    /// <summary>How often feedback is looked for whatever messages came, in seconds. Default 300.</summary>
    [Range(1, 86_400)]
    public int SweepSeconds { get; init; } = 300;
}
