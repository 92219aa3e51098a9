using System.ComponentModel.DataAnnotations;

namespace Melanoma.Ingestion.LabelErrors;

/// <summary>Likely label errors on their way to a reviewer: section <c>Ingestion:LabelErrors</c>.</summary>
internal sealed class LabelErrorOptions
{
    public const string Section = "Ingestion:LabelErrors";

    /// <summary>How often findings are looked for whatever messages came, in seconds. Default 300.</summary>
    [Range(1, 86_400)]
    public int SweepSeconds { get; init; } = 300;
}
