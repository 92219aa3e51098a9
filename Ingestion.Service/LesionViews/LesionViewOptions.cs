using System.ComponentModel.DataAnnotations;

namespace Melanoma.Ingestion.LesionViews;

/// <summary>Pictures that are likely to show one lesion, on their way to a reviewer: section <c>Ingestion:LesionViews</c>.</summary>
internal sealed class LesionViewOptions
{
    public const string Section = "Ingestion:LesionViews";

    /// <summary>How often findings are looked for whatever messages came, in seconds. Default 300.</summary>
    [Range(1, 86_400)]
    public int SweepSeconds { get; init; } = 300;
}
