using System.ComponentModel.DataAnnotations;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>The folder that is watched for files: section <c>Ingestion:DropFolder</c>, which may also be the folder itself.</summary>
internal sealed class DropFolderOptions
{
    public const string Section = "Ingestion:DropFolder";

    /// <summary>The folder; none is watched when not set.</summary>
    [MinLength(1)]
    public string? Path { get; set; }

    /// <summary>How long a file must not have been written before it counts as complete, in seconds. Default 5.</summary>
    [Range(1, 3600)]
    public int QuietSeconds { get; init; } = 5;

    /// <summary>How often the folder is looked through whatever the system reports, in seconds. Default 30.</summary>
    [Range(1, 86_400)]
    public int SweepSeconds { get; init; } = 30;

    /// <summary>Bytes that must be free on the folder's disk; nothing is taken in below. Default 1 GiB.</summary>
    [Range(0L, long.MaxValue)]
    public long MinFreeDiskBytes { get; init; } = 1L << 30;
}
