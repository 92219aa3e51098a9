using System.Globalization;
using System.IO.Compression;
using Melanoma.Imaging;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>
/// A ZIP archive on its way through: kept in a file without a name, which the system removes with the process, then read
/// entry by entry. Nothing that the archive says of sizes is believed; what counts is what comes out.
/// </summary>
internal sealed class ArchiveSpool : IAsyncDisposable
{
    private const int DiskCheckInterval = 64 * 1024 * 1024;
    private const int UnixFileTypeMask = 0xF000;
    private const int UnixLink = 0xA000;

    private static readonly int MaxImageBytes = ImageLimits.Default.MaxBytes;

    private readonly DeliveryOptions _options;
    private readonly FileStream _file;
    private long _nextDiskCheck;
    private Refusal? _refusal;

    private ArchiveSpool(DeliveryOptions options)
    {
        _options = options;
        _file = Spool.Create(options.SpoolFolder);
    }

    private static ReadOnlySpan<byte> FirstEntry => "PK\u0003\u0004"u8;

    private static ReadOnlySpan<byte> EmptyArchive => "PK\u0005\u0006"u8;

    /// <summary>Bytes taken so far, those not kept counted.</summary>
    public long Written { get; private set; }

    public static bool IsArchive(ReadOnlySpan<byte> start) => start.StartsWith(FirstEntry) || start.StartsWith(EmptyArchive);

    /// <summary>A spool where the bytes are the beginning of an archive, else null.</summary>
    public static ArchiveSpool? OpenFor(ReadOnlySpan<byte> start, DeliveryOptions options) => IsArchive(start) ? new ArchiveSpool(options) : null;

    /// <summary>Takes the next bytes; past a limit they are counted and forgotten.</summary>
    public async ValueTask TakeAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        Written += bytes.Length;
        if (_refusal is not null)
            return;
        if (Written > _options.MaxArchiveBytes)
        {
            Refuse($"The archive has more than {Megabytes(_options.MaxArchiveBytes)}. Deliver it in parts, or as a folder.");
            return;
        }

        if (Written >= _nextDiskCheck)
        {
            _nextDiskCheck = Written + DiskCheckInterval;
            if (new DriveInfo(Path.GetDirectoryName(_file.Name)!).AvailableFreeSpace - DiskCheckInterval < _options.MinFreeDiskBytes)
            {
                RefuseForSpace();
                return;
            }
        }

        try
        {
            await _file.WriteAsync(bytes, cancellationToken);
        }
        catch (IOException)
        {
            RefuseForSpace();
        }
    }

    /// <summary>Hands in every entry, each under the archive's path.</summary>
    public async Task ReadEntriesAsync(string path, DeliverySink sink, CancellationToken cancellationToken)
    {
        if (_refusal is null)
        {
            try
            {
                using var guard = new DirectoryGuard(_file, _options.MaxArchiveDirectoryBytes);
                await using var archive = new ZipArchive(guard, ZipArchiveMode.Read, leaveOpen: true);
                var entries = archive.Entries;
                guard.Lift();
                await ReadEntriesAsync(path, entries, sink, cancellationToken);
                return;
            }
            catch (InvalidDataException)
            {
                _refusal = new Refusal(RefusalKinds.ArchiveDamaged, "The archive's table of contents cannot be read: it is damaged or was cut off. Pack it again, or deliver the folder.");
            }
            catch (DirectoryTooLargeException)
            {
                _refusal = new Refusal(RefusalKinds.TooManyEntries,
                    $"The archive's table of contents has more than {Megabytes(_options.MaxArchiveDirectoryBytes)}. Deliver it in parts, or as a folder.");
            }
        }

        await sink.RefuseAsync(path, Written, _refusal, cancellationToken);
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();

    private async Task ReadEntriesAsync(string path, IReadOnlyCollection<ZipArchiveEntry> entries, DeliverySink sink, CancellationToken cancellationToken)
    {
        // Pictures do not shrink, so an archive that unpacks to many times its size is no delivery of pictures.
        var unpackable = Math.Max(Written * _options.MaxArchiveExpansion, 10L * MaxImageBytes);
        long unpacked = 0;
        var count = 0;
        foreach (var entry in entries)
        {
            if (IsDirectory(entry) || DeliveryPath.IsLitter(entry.FullName))
                continue;
            var name = PathOf(path, entry.FullName);
            if (Judge(entry, ++count, unpacked > unpackable) is { } refusal)
            {
                await sink.RefuseAsync(name, entry.CompressedLength, refusal, cancellationToken);
                continue;
            }

            var (bytes, size, problem) = await UnpackAsync(entry, cancellationToken);
            unpacked += size;
            if (problem is not null)
                await sink.RefuseAsync(name, size, problem, cancellationToken);
            else
                await sink.AddAsync(name, bytes, cancellationToken);
        }
    }

    private static bool IsDirectory(ZipArchiveEntry entry) => entry is { FullName: [.., '/' or '\\'], Length: 0 };

    private Refusal? Judge(ZipArchiveEntry entry, int count, bool expanded)
    {
        if (count > _options.MaxArchiveEntries)
            return new Refusal(RefusalKinds.TooManyEntries, $"The archive has more than {_options.MaxArchiveEntries} files. Deliver the rest as another archive, or all as a folder.");
        if (expanded)
            return new Refusal(RefusalKinds.Expansion, $"The archive unpacks to more than {_options.MaxArchiveExpansion} times its size, which pictures never do. Deliver the folder.");
        if (((entry.ExternalAttributes >> 16) & UnixFileTypeMask) == UnixLink)
            return new Refusal(RefusalKinds.Link, "The entry is a link. Pack the file that it points to.");
        return entry.IsEncrypted ? new Refusal(RefusalKinds.Encrypted, "The entry is encrypted. Pack the archive without a password.") : null;
    }

    private static async Task<(byte[] Bytes, long Size, Refusal? Refusal)> UnpackAsync(ZipArchiveEntry entry, CancellationToken cancellationToken)
    {
        // The declared length only chooses the first buffer.
        var buffer = new byte[Math.Clamp(entry.Length + 1, 4096, 1024 * 1024)];
        var size = 0;
        try
        {
            await using var stream = await entry.OpenAsync(cancellationToken);
            int read;
            while ((read = await stream.ReadAsync(buffer.AsMemory(size), cancellationToken)) > 0)
            {
                size += read;
                if (size > MaxImageBytes)
                {
                    return ([], size, new Refusal(RefusalKinds.TooLarge,
                        $"The entry unpacks to more than {Megabytes(MaxImageBytes)}; no more was unpacked. Pack images of at most that size."));
                }

                if (size == buffer.Length)
                    Array.Resize(ref buffer, Math.Min(buffer.Length * 2, MaxImageBytes + 1));
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or NotSupportedException)
        {
            return ([], size, new Refusal(RefusalKinds.ArchiveDamaged, "The entry cannot be unpacked: it is damaged, or packed by a method that is not known. Pack it again."));
        }

        var bytes = buffer.AsSpan(0, size);
        if (IsArchive(bytes))
            return ([], size, new Refusal(RefusalKinds.NestedArchive, "The entry is an archive itself. Deliver it by itself, or unpack it first."));
        if (Crc32.Of(bytes) != entry.Crc32)
            return ([], size, new Refusal(RefusalKinds.ArchiveDamaged, "The entry's bytes do not match its checksum in the archive: it is damaged. Pack it again."));
        return (bytes.ToArray(), size, null);
    }

    // An entry's own path is judged as it stands, so that joining cannot hide what is wrong with it.
    private static string PathOf(string archive, string entry)
    {
        var forward = entry.Replace('\\', '/');
        if (archive.Length == 0)
            return forward;
        return forward.StartsWith('/') || (forward.Length > 1 && forward[1] == ':') ? entry : $"{archive}/{forward}";
    }

    private void RefuseForSpace() =>
        Refuse("The service has no disk space for the archive. Deliver it as a folder, or make room on the service's disk and deliver it again.");

    private void Refuse(string reason)
    {
        _refusal = new Refusal(RefusalKinds.ArchiveTooLarge, reason);
        _file.SetLength(0);
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");
}
