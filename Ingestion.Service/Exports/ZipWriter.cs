using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Melanoma.Ingestion.Deliveries;

namespace Melanoma.Ingestion.Exports;

/// <summary>
/// Writes a ZIP archive (APPNOTE 6.3, with its 64-bit extension where the archive needs it) to a stream that cannot go back, one entry after the other.
/// The table of contents gathers in a file beside it, so that memory does not grow with the entries.
/// </summary>
/// <param name="output">Where to; its position counts the bytes written.</param>
/// <param name="directory">An empty file for the table of contents, to be read again at the end.</param>
/// <param name="modified">The time that every entry bears.</param>
internal sealed class ZipWriter(Stream output, Stream directory, DateTimeOffset modified)
{
    private const ushort Utf8Names = 1 << 11;
    private const ushort SizesFollow = 1 << 3;
    private const ushort Stored = 0;
    private const ushort Deflated = 8;
    private const ushort Version20 = 20;
    private const ushort Version45 = 45;

    private readonly ushort _time = (ushort)((modified.UtcDateTime.Hour << 11) | (modified.UtcDateTime.Minute << 5) | (modified.UtcDateTime.Second / 2));
    private readonly ushort _date =
        (ushort)((Math.Max(0, modified.UtcDateTime.Year - 1980) << 9) | (modified.UtcDateTime.Month << 5) | modified.UtcDateTime.Day);

    private long _entries;

    /// <summary>Adds an entry as it is: pictures are compressed already.</summary>
    public async Task AddStoredAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var offset = output.Position;
        var entry = new Entry(Encoding.UTF8.GetBytes(name), Stored, Utf8Names, Crc32.Append(0, content.Span), (uint)content.Length, (uint)content.Length);
        await output.WriteAsync(LocalHeader(entry), cancellationToken);
        await output.WriteAsync(content, cancellationToken);
        await ListAsync(entry, offset, cancellationToken);
    }

    /// <summary>Adds an entry of text, in UTF-8 and deflated, whose length is not known before; less than 4 GiB.</summary>
    public async Task AddTextAsync(string name, IAsyncEnumerable<string> pieces, CancellationToken cancellationToken)
    {
        var offset = output.Position;
        var entry = new Entry(Encoding.UTF8.GetBytes(name), Deflated, Utf8Names | SizesFollow, 0, 0, 0);
        await output.WriteAsync(LocalHeader(entry), cancellationToken);
        var begin = output.Position;
        long length = 0;
        uint crc = 0;
        await using (var deflate = new DeflateStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            await foreach (var piece in pieces.WithCancellation(cancellationToken))
            {
                var bytes = Encoding.UTF8.GetBytes(piece);
                crc = Crc32.Append(crc, bytes);
                length += bytes.Length;
                await deflate.WriteAsync(bytes, cancellationToken);
            }
        }

        entry = entry with { Crc = crc, Packed = checked((uint)(output.Position - begin)), Length = checked((uint)length) };
        var descriptor = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor, 0x08074B50);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor.AsSpan(4), entry.Crc);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor.AsSpan(8), entry.Packed);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor.AsSpan(12), entry.Length);
        await output.WriteAsync(descriptor, cancellationToken);
        await ListAsync(entry, offset, cancellationToken);
    }

    /// <summary>Writes the table of contents; nothing can be added any more.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        var (begin, length) = (output.Position, directory.Position);
        directory.Position = 0;
        await directory.CopyToAsync(output, cancellationToken);
        if (_entries >= ushort.MaxValue || begin >= uint.MaxValue || length >= uint.MaxValue)
            await output.WriteAsync(End64(begin, length), cancellationToken);
        var end = new byte[22];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054B50);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), (ushort)Math.Min(_entries, ushort.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), (ushort)Math.Min(_entries, ushort.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(12), (uint)Math.Min(length, uint.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(16), (uint)Math.Min(begin, uint.MaxValue));
        await output.WriteAsync(end, cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    private byte[] LocalHeader(Entry entry)
    {
        var header = new byte[30 + entry.Name.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x04034B50);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), Version20);
        WriteCommon(header.AsSpan(6), entry);
        entry.Name.CopyTo(header, 30);
        return header;
    }

    private async Task ListAsync(Entry entry, long offset, CancellationToken cancellationToken)
    {
        var far = offset >= uint.MaxValue;
        var record = new byte[46 + entry.Name.Length + (far ? 12 : 0)];
        BinaryPrimitives.WriteUInt32LittleEndian(record, 0x02014B50);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(4), far ? Version45 : Version20);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(6), far ? Version45 : Version20);
        WriteCommon(record.AsSpan(8), entry);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(30), (ushort)(far ? 12 : 0));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(42), (uint)Math.Min(offset, uint.MaxValue));
        entry.Name.CopyTo(record, 46);
        if (far)
        {
            var extra = record.AsSpan(46 + entry.Name.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(extra, 1);
            BinaryPrimitives.WriteUInt16LittleEndian(extra[2..], 8);
            BinaryPrimitives.WriteInt64LittleEndian(extra[4..], offset);
        }

        await directory.WriteAsync(record, cancellationToken);
        _entries++;
    }

    // From the flags to the length of the extra field: the same in both kinds of header.
    private void WriteCommon(Span<byte> header, Entry entry)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(header, entry.Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], entry.Method);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], _time);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], _date);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], entry.Crc);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], entry.Packed);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], entry.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(header[20..], checked((ushort)entry.Name.Length));
    }

    private byte[] End64(long begin, long length)
    {
        var end = new byte[56 + 20];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06064B50);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(4), 44);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(12), Version45);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(14), Version45);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(24), _entries);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(32), _entries);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(40), length);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(48), begin);
        var locator = end.AsSpan(56);
        BinaryPrimitives.WriteUInt32LittleEndian(locator, 0x07064B50);
        BinaryPrimitives.WriteInt64LittleEndian(locator[8..], begin + length);
        BinaryPrimitives.WriteUInt32LittleEndian(locator[16..], 1);
        return end;
    }

    private readonly record struct Entry(byte[] Name, ushort Method, ushort Flags, uint Crc, uint Packed, uint Length);
}
