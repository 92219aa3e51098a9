namespace Melanoma.Inference.Models;

/// <summary>A model version cannot be served; the message is a clause that says why.</summary>
internal sealed class ModelRefusedException(string reason, Exception? inner = null) : Exception(reason, inner)
{
    /// <summary>Whether the fault may lie with this machine at this moment, such as its memory, and not with the version.</summary>
    public bool MayPass { get; init; }
}
