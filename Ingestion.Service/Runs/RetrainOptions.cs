using System.ComponentModel.DataAnnotations;

namespace Melanoma.Ingestion.Runs;

/// <summary>When a new training run is proposed: section <c>Training</c>. New images start nothing by themselves.</summary>
internal sealed class RetrainOptions
{
    public const string Section = "Training";

    /// <summary>How many images an honest dataset must gain over the newest one before a delivery's report proposes a run; 0, the default, never does.</summary>
    [Range(0, int.MaxValue)]
    public int RetrainAfterImages { get; init; }
}
