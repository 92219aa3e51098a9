namespace Melanoma.Inference.Models;

/// <summary>A model version cannot be served; the message is a clause that says why.</summary>
internal sealed class ModelRefusedException(string reason, Exception? inner = null) : Exception(reason, inner);
