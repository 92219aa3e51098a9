using Melanoma.Imaging;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>What is the same for every kind of archive: its limits, its refusals and how its entries are called.</summary>
internal sealed class ArchiveLimits(DeliveryOptions options)
{
    public static Refusal NoFiles { get; } = new(RefusalKinds.Empty, "The archive has no files. Pack what it should have and deliver it again.");

    public static Refusal Link { get; } = new(RefusalKinds.Link, "The entry is a link. Pack the file that it points to.");

    public static Refusal Nested { get; } = new(RefusalKinds.NestedArchive, "The entry is an archive itself. Deliver it by itself, or unpack it first.");

    public Refusal TooManyEntries { get; } = new(RefusalKinds.TooManyEntries,
        $"The archive has more than {options.MaxArchiveEntries} files. Deliver the rest as another archive, or all as a folder.");

    public Refusal Expanded { get; } = new(RefusalKinds.Expansion,
        $"The archive unpacks to more than {options.MaxArchiveExpansion} times its size, which pictures never do. Deliver the folder.");

    /// <summary>
    /// Bytes to which an archive of some size may unpack. Pictures do not shrink, so one that unpacks to many times its size is no delivery of
    /// pictures.
    /// </summary>
    public long UnpackableBytes(long size) => Math.Max(
        size <= long.MaxValue / options.MaxArchiveExpansion ? size * options.MaxArchiveExpansion : long.MaxValue, 10L * ImageLimits.Default.MaxBytes);

    /// <summary>The path of an entry in the delivery. It is judged as it stands, so that joining cannot hide what is wrong with it.</summary>
    public static string PathOf(string archive, string entry)
    {
        var forward = entry.Replace('\\', '/');
        if (archive.Length == 0)
            return forward;
        return forward.StartsWith('/') || (forward.Length > 1 && forward[1] == ':') ? entry : $"{archive}/{forward}";
    }
}
