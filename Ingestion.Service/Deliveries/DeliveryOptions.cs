using System.ComponentModel.DataAnnotations;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Limits of deliveries: section <c>Ingestion:Deliveries</c>.</summary>
internal sealed class DeliveryOptions
{
    public const string Section = "Ingestion:Deliveries";

    /// <summary>Deliveries received at the same time by this process; the next is turned away. Default 4.</summary>
    [Range(1, 64)]
    public int MaxConcurrent { get; init; } = 4;

    /// <summary>Files in one delivery, those in archives counted. Default 2,000,000.</summary>
    [Range(1, 100_000_000)]
    public int MaxFiles { get; init; } = 2_000_000;

    /// <summary>Largest archive, in bytes. Default 16 GiB.</summary>
    [Range(1L, long.MaxValue)]
    public long MaxArchiveBytes { get; init; } = 16L << 30;

    /// <summary>Entries read from one archive; the rest are refused. Default 500,000.</summary>
    [Range(1, 5_000_000)]
    public int MaxArchiveEntries { get; init; } = 500_000;

    /// <summary>Largest table of contents of an archive, in bytes; it is held in memory. Default 64 MiB.</summary>
    [Range(1L << 16, 1L << 30)]
    public long MaxArchiveDirectoryBytes { get; init; } = 64L << 20;

    /// <summary>How many times its own size an archive may unpack to, all entries together, before the rest are refused. Default 20.</summary>
    [Range(1, 1000)]
    public int MaxArchiveExpansion { get; init; } = 20;

    /// <summary>Largest table of labels or metadata, in bytes. Default 512 MiB.</summary>
    [Range(1L, long.MaxValue)]
    public long MaxTableBytes { get; init; } = 512L << 20;

    /// <summary>Folder in which archives and large tables are kept while they are read; the system's temporary folder when not set.</summary>
    public string? SpoolFolder { get; init; }

    /// <summary>
    /// A folder on the disk that the database lies on, where that is a disk of this machine; its free room is not watched when not set.
    /// </summary>
    public string? DatabaseFolder { get; init; }

    /// <summary>Bytes that must stay free on the disks of spool folder and database; with fewer, no delivery is taken in. Default 1 GiB.</summary>
    [Range(0L, long.MaxValue)]
    public long MinFreeDiskBytes { get; init; } = 1L << 30;

    /// <summary>Bytes of files that wait inside the service, per delivery; a sender who is faster has to wait. Default 48 MiB.</summary>
    [Range(1L << 20, 1L << 30)]
    public long MaxWaitingBytes { get; init; } = 48L << 20;

    /// <summary>Pixels decoded at the same time by this process; one picture may always be decoded. Default 64 Mi, which is 256 MiB of memory.</summary>
    [Range(1L << 20, 1L << 32)]
    public long MaxDecodingPixels { get; init; } = 64L << 20;

    /// <summary>How long a sender may say nothing before the delivery is given up, in seconds. Default 300.</summary>
    [Range(1, 86_400)]
    public int MaxSilenceSeconds { get; init; } = 300;

    /// <summary>Files written in one transaction. Default 256.</summary>
    [Range(1, 10_000)]
    public int BatchSize { get; init; } = 256;
}
