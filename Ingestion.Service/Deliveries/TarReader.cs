using System.Globalization;
using System.Text;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>What an entry of a tar archive is.</summary>
internal enum TarEntryKind
{
    File,
    Folder,
    Link,
    Special,
    Unknown,
}

/// <summary>An entry of a tar archive.</summary>
internal sealed record TarEntry(string Name, TarEntryKind Kind);

/// <summary>More came out of the archive than may.</summary>
internal sealed class ArchiveExpandedException : Exception;

/// <summary>
/// Reads a tar archive forward, once. The reader of the framework holds an extended header in memory whatever its size, up to 2 GiB, so a
/// few hostile kilobytes of gzip could take all of it; this one takes headers of at most <see cref="MaxExtendedBytes"/>.
/// </summary>
/// <param name="archive">The archive, unpacked; not closed.</param>
/// <param name="maxBytes">How many bytes may be read.</param>
internal sealed class TarReader(Stream archive, long maxBytes) : IAsyncDisposable
{
    private const int MaxExtendedBytes = 64 * 1024;

    private readonly byte[] _block = new byte[TarHeader.Bytes];
    private readonly byte[] _skipped = new byte[32 * 1024];
    private TarEntryStream? _content;
    private long _padding;
    private long _read;

    /// <summary>The bytes of the entry that was read last; they end at once for anything but a file.</summary>
    public Stream Content => _content ?? Stream.Null;

    /// <summary>How many bytes of it were read so far.</summary>
    public long ContentRead => _content?.Taken ?? 0;

    /// <summary>Goes to the next entry; null at the mark that ends the archive.</summary>
    /// <exception cref="InvalidDataException">What should be a header is none.</exception>
    /// <exception cref="EndOfStreamException">The archive was cut off.</exception>
    /// <exception cref="ArchiveExpandedException">There are more bytes than may be read.</exception>
    public async ValueTask<TarEntry?> NextAsync(CancellationToken cancellationToken)
    {
        string? longName = null;
        long? longSize = null;
        var isSparse = false;
        while (true)
        {
            await SkipAsync((_content?.Left ?? 0) + _padding, cancellationToken);
            (_content, _padding) = (null, 0);
            await FillAsync(_block, cancellationToken);
            if (!_block.AsSpan().ContainsAnyExcept((byte)0))
                return null;
            if (!TarHeader.TryRead(_block, out var header))
                throw new InvalidDataException("A header's checksum is wrong.");
            switch (header!.Type)
            {
                case 'L':
                    longName = TarHeader.Text(await ReadExtendedAsync(header.Size, cancellationToken));
                    break;
                case 'x':
                    foreach (var (key, value) in PaxRecords(await ReadExtendedAsync(header.Size, cancellationToken)))
                    {
                        longName = key == "path" ? value : longName;
                        longSize = key == "size" ? SizeOf(value) : longSize;
                        isSparse |= key.StartsWith("GNU.sparse.", StringComparison.Ordinal);
                    }

                    break;
                case 'K' or 'g':
                    Begin(header.Size);
                    break;
                default:
                    // Links, folders and devices have no data, whatever size they claim.
                    Begin(header.Type is >= '1' and <= '6' ? 0 : longSize ?? header.Size);
                    return new TarEntry(longName ?? header.Name, isSparse ? TarEntryKind.Unknown : KindOf(header));
            }
        }
    }

    public ValueTask DisposeAsync() => _content?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static TarEntryKind KindOf(TarHeader header) => header.Type switch
    {
        // The old format calls a folder a file whose name ends so.
        '0' or '7' => header.Name.EndsWith('/') ? TarEntryKind.Folder : TarEntryKind.File,
        '5' => TarEntryKind.Folder,
        '1' or '2' => TarEntryKind.Link,
        '3' or '4' or '6' => TarEntryKind.Special,
        _ => TarEntryKind.Unknown,
    };

    private static long SizeOf(string value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size <= TarHeader.MaxSize
            ? size
            : throw new InvalidDataException("An extended header gives an impossible size.");

    private void Begin(long size)
    {
        _content = new TarEntryStream(this, size);
        _padding = -size & (TarHeader.Bytes - 1);
    }

    private async ValueTask<byte[]> ReadExtendedAsync(long size, CancellationToken cancellationToken)
    {
        if (size > MaxExtendedBytes)
            throw new InvalidDataException("An extended header is too large.");
        var bytes = new byte[size];
        await FillAsync(bytes, cancellationToken);
        _padding = -size & (TarHeader.Bytes - 1);
        return bytes;
    }

    // "LENGTH KEY=VALUE\n", the length in decimal digits counting all of it.
    private static List<(string Key, string Value)> PaxRecords(ReadOnlySpan<byte> text)
    {
        var records = new List<(string, string)>();
        while (!text.IsEmpty)
        {
            var space = text.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(text[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length <= space + 1 || length > text.Length)
            {
                throw new InvalidDataException("An extended header is damaged.");
            }

            var record = text[(space + 1)..length].TrimEnd((byte)'\n');
            var equals = record.IndexOf((byte)'=');
            if (equals > 0)
                records.Add((Encoding.UTF8.GetString(record[..equals]), Encoding.UTF8.GetString(record[(equals + 1)..])));
            text = text[length..];
        }

        return records;
    }

    private async ValueTask SkipAsync(long count, CancellationToken cancellationToken)
    {
        if (archive.CanSeek && count > _skipped.Length)
        {
            if (count > archive.Length - archive.Position)
                throw new EndOfStreamException();
            archive.Position += count;
            return;
        }

        for (; count > 0; count -= Math.Min(count, _skipped.Length))
            await FillAsync(_skipped.AsMemory(0, (int)Math.Min(count, _skipped.Length)), cancellationToken);
    }

    private async ValueTask FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await archive.ReadExactlyAsync(buffer, cancellationToken);
        Count(buffer.Length);
    }

    private void Count(int read)
    {
        _read += read;
        if (_read > maxBytes)
            throw new ArchiveExpandedException();
    }

    private sealed class TarEntryStream(TarReader reader, long size) : ForwardStream
    {
        public long Left { get; private set; } = size;

        public long Taken { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Left == 0 || buffer.IsEmpty)
                return 0;
            var read = await reader.ReadSomeAsync(buffer[..(int)Math.Min(Left, buffer.Length)], cancellationToken);
            Left -= read;
            Taken += read;
            return read;
        }
    }

    private async ValueTask<int> ReadSomeAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await archive.ReadAsync(buffer, cancellationToken);
        if (read == 0)
            throw new EndOfStreamException();
        Count(read);
        return read;
    }
}
