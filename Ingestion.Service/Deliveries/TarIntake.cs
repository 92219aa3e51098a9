using System.IO.Compression;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Reads a tar archive, plain or packed by gzip, entry by entry.</summary>
internal sealed class TarIntake(FileIntake intake, DeliveryOptions options)
{
    private readonly ArchiveLimits _limits = new(options);

    /// <summary>Hands in every entry, each under the archive's path.</summary>
    public async Task ReadAsync(string path, FileKind kind, Stream content, long size, CancellationToken cancellationToken)
    {
        await using var unpacked = kind == FileKind.Gzip ? new GZipStream(content, CompressionMode.Decompress, leaveOpen: true) : null;
        await using var tar = new TarReader(unpacked ?? content, unpacked is null ? long.MaxValue : _limits.UnpackableBytes(size));
        if (await ReadEntriesAsync(path, tar, isPacked: unpacked is not null, cancellationToken) is { } refusal)
            await intake.Sink.RefuseAsync(path, size, refusal, cancellationToken);
    }

    // Returns what is wrong with the archive as a whole; what came before it is handed in.
    private async Task<Refusal?> ReadEntriesAsync(string path, TarReader tar, bool isPacked, CancellationToken cancellationToken)
    {
        var count = 0;
        var isBegun = false;
        string? current = null;
        try
        {
            while (await tar.NextAsync(cancellationToken) is { } entry)
            {
                isBegun = true;
                if (entry.Kind == TarEntryKind.Folder || DeliveryPath.IsLitter(entry.Name))
                    continue;
                if (++count > options.MaxArchiveEntries)
                    return _limits.TooManyEntries;
                current = ArchiveLimits.PathOf(path, entry.Name);
                if (RefusalOf(entry.Kind) is { } refusal)
                    await intake.Sink.RefuseAsync(current, 0, refusal, cancellationToken);
                else
                    await intake.ReadEntryAsync(current, tar.Content, options.MaxTableBytes, cancellationToken);
                current = null;
            }

            return count == 0 ? ArchiveLimits.NoFiles : null;
        }
        catch (ArchiveExpandedException)
        {
            return _limits.Expanded;
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            if (isPacked && !isBegun)
                return NotAnArchive;
            if (current is not null)
            {
                await intake.Sink.RefuseAsync(current, tar.ContentRead, new Refusal(RefusalKinds.ArchiveDamaged,
                    "The archive ends in the middle of this entry, or is damaged there. Pack it again."), cancellationToken);
            }

            return new Refusal(RefusalKinds.ArchiveDamaged,
                $"The archive is damaged or was cut off behind its first {count} files; what came before is taken. Pack it again, or deliver the folder.");
        }
    }

    private static Refusal NotAnArchive => new(RefusalKinds.UnsupportedFormat,
        "The file is packed by gzip and holds no tar archive, or is damaged. Unpack it and deliver what is in it, or pack a ZIP or tar archive.");

    private static Refusal? RefusalOf(TarEntryKind kind) => kind switch
    {
        TarEntryKind.File => null,
        TarEntryKind.Link => ArchiveLimits.Link,
        TarEntryKind.Special => new Refusal(RefusalKinds.NotAFile, "The entry is a device or a pipe and no file. Pack files only."),
        _ => new Refusal(RefusalKinds.UnsupportedFormat, "The entry is of a kind that is not read, such as a sparse file. Pack it as a plain file."),
    };
}
