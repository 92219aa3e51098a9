using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Classification;

/// <summary>Settings of the section <c>Classification</c>.</summary>
internal sealed class ClassificationOptions
{
    public const string Section = "Classification";

    /// <summary>Images of single calls that may wait for a free lane before calls are refused; 0 to 100000, as many as there are lanes when not set.</summary>
    [Range(0, 100_000)]
    public int? WaitingImages { get; set; }

    /// <summary>
    /// Bytes of questions held at a time, from the first byte to the answer, before calls are refused; reading them takes about
    /// twice as much again for a moment. 96 MiB to 1 TiB, default 512 MiB.
    /// </summary>
    [Range(96L << 20, 1L << 40)]
    public long MaxHeldBytes { get; set; } = 512L << 20;

    /// <summary>Images that are decoded and computed at the same time, each on one thread; 0 (default) for as many as the process has cores, at most 1024.</summary>
    [Range(0, 1024)]
    public int Lanes { get; set; }

    /// <summary>Streams of questions that are served at a time, of one tenant at most half of them, before further ones are refused; each may hold one question beyond the bytes above. 0 to 10000, default 16.</summary>
    [Range(0, 10_000)]
    public int BulkStreams { get; set; } = 16;
}
