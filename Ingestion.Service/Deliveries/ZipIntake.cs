using System.IO.Compression;
using Melanoma.Imaging;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Reads a ZIP archive entry by entry. Nothing that the archive says of sizes is believed; what counts is what comes out.</summary>
internal sealed class ZipIntake(FileIntake intake, DeliveryOptions options)
{
    private const int UnixFileTypeMask = 0xF000;
    private const int UnixLink = 0xA000;

    private readonly ArchiveLimits _limits = new(options);

    /// <summary>Hands in every entry, each under the archive's path.</summary>
    public async Task ReadAsync(string path, Stream content, long size, CancellationToken cancellationToken)
    {
        Refusal refusal;
        try
        {
            using var guard = new DirectoryGuard(content, options.MaxArchiveDirectoryBytes);
            await using var archive = new ZipArchive(guard, ZipArchiveMode.Read, leaveOpen: true);
            var entries = archive.Entries;
            guard.Lift();
            if (await ReadEntriesAsync(path, entries, size, cancellationToken) > 0)
                return;
            refusal = ArchiveLimits.NoFiles;
        }
        catch (InvalidDataException)
        {
            refusal = new Refusal(
                RefusalKinds.ArchiveDamaged, "The archive's table of contents cannot be read: it is damaged or was cut off. Pack it again, or deliver the folder.");
        }
        catch (DirectoryTooLargeException)
        {
            refusal = new Refusal(RefusalKinds.TooManyEntries,
                $"The archive's table of contents has more than {FileIntake.Megabytes(options.MaxArchiveDirectoryBytes)}. Deliver it in parts, or a folder.");
        }

        await intake.Sink.RefuseAsync(path, size, refusal, cancellationToken);
    }

    private async Task<int> ReadEntriesAsync(string path, IReadOnlyCollection<ZipArchiveEntry> entries, long size, CancellationToken cancellationToken)
    {
        var unpackable = _limits.UnpackableBytes(size);
        long unpacked = 0;
        var count = 0;
        foreach (var entry in entries)
        {
            if (IsDirectory(entry) || DeliveryPath.IsLitter(entry.FullName))
                continue;
            var name = ArchiveLimits.PathOf(path, entry.FullName);
            if (Judge(entry, ++count, unpacked > unpackable) is { } refusal)
            {
                await intake.Sink.RefuseAsync(name, entry.CompressedLength, refusal, cancellationToken);
                continue;
            }

            unpacked += await ReadEntryAsync(name, entry, Math.Max(ImageLimits.Default.MaxBytes, unpackable - unpacked), cancellationToken);
        }

        return count;
    }

    private static bool IsDirectory(ZipArchiveEntry entry) => entry is { FullName: [.., '/' or '\\'], Length: 0 };

    private Refusal? Judge(ZipArchiveEntry entry, int count, bool expanded)
    {
        if (count > options.MaxArchiveEntries)
            return _limits.TooManyEntries;
        if (expanded)
            return _limits.Expanded;
        if (((entry.ExternalAttributes >> 16) & UnixFileTypeMask) == UnixLink)
            return ArchiveLimits.Link;
        return entry.IsEncrypted ? new Refusal(RefusalKinds.Encrypted, "The entry is encrypted. Pack the archive without a password.") : null;
    }

    // Returns how many bytes it unpacked to.
    private async Task<long> ReadEntryAsync(string name, ZipArchiveEntry entry, long maxBytes, CancellationToken cancellationToken)
    {
        CheckedEntryStream? content = null;
        try
        {
            await using var stream = await entry.OpenAsync(cancellationToken);
            content = new CheckedEntryStream(stream, entry.Crc32);
            await intake.ReadEntryAsync(name, content, Math.Min(options.MaxTableBytes, maxBytes), cancellationToken);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or NotSupportedException)
        {
            await intake.Sink.RefuseAsync(name, content?.Count ?? 0, new Refusal(RefusalKinds.ArchiveDamaged,
                "The entry cannot be unpacked: it is damaged, or packed by a method that is not known. Pack it again."), cancellationToken);
        }

        return content?.Count ?? 0;
    }

    /// <summary>Counts what is unpacked, and checks it at its end, which <see cref="ZipArchive"/> does not.</summary>
    private sealed class CheckedEntryStream(Stream inner, uint checksum) : ForwardStream
    {
        private uint _crc;

        public long Count { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            if (read == 0 && buffer.Length > 0 && _crc != checksum)
                throw new InvalidDataException("The bytes do not match their checksum.");
            _crc = Crc32.Append(_crc, buffer.Span[..read]);
            Count += read;
            return read;
        }
    }
}
