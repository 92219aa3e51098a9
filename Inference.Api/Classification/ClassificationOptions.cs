using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Classification;

/// <summary>Settings of the section <c>Classification</c>.</summary>
internal sealed class ClassificationOptions
{
    public const string Section = "Classification";

    /// <summary>Images that may wait for a free lane before calls are refused; 0 to 100000, default 64.</summary>
    [Range(0, 100_000)]
    public int WaitingImages { get; set; } = 64;

    /// <summary>Images that are decoded and computed at the same time, each on one thread; 0 (default) for as many as the process has cores, at most 1024.</summary>
    [Range(0, 1024)]
    public int Lanes { get; set; }
}
