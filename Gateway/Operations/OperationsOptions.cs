using System.ComponentModel.DataAnnotations;

namespace Melanoma.Gateway.Operations;

/// <summary>Section <c>Operations</c>.</summary>
internal sealed class OperationsOptions
{
    public const string Section = "Operations";

    /// <summary>How long failed messages are kept after they were replayed or discarded, in days. Those that wait are kept until somebody decides. Default 90.</summary>
    [Range(1, 3650)]
    public int KeepDecidedDays { get; init; } = 90;
}
