using System.Globalization;
using Melanoma.Imaging;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Reads the files of one delivery, one after the other: what a file begins with decides how it is read.</summary>
internal sealed class FileIntake(Guid deliveryId, DeliverySink sink, TableIntake tables, DeliveryOptions options)
{
    private static readonly int MaxImageBytes = ImageLimits.Default.MaxBytes;

    // What is read of a file before its end is known; one for all, because they come one after the other.
    private byte[] _buffer = new byte[FileKinds.StartBytes];

    /// <summary>Where its lines go.</summary>
    public DeliverySink Sink => sink;

    /// <summary>Reads a file that was delivered by itself, and hands in what it holds.</summary>
    /// <param name="path">Its path in the delivery.</param>
    /// <param name="content">Its bytes; read in place when the stream can seek, else kept on disk while an archive or large table is read.</param>
    /// <param name="doubt">Asked when the last byte has come, with how many came: why the file may be incomplete, or null. Such a file waits.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task ReadAsync(string path, Stream content, Func<long, string?> doubt, CancellationToken cancellationToken)
    {
        if (DeliveryPath.IsLitter(path))
            return;
        var (kind, count) = await ReadStartAsync(path, content, cancellationToken);
        if (kind == FileKind.Picture)
            await ReadPictureAsync(path, count, content, doubt, cancellationToken);
        else if (content.CanSeek)
            await ReadInPlaceAsync(path, kind, content, doubt, cancellationToken);
        else
            await ReadSpooledAsync(path, kind, _buffer.AsMemory(0, count), content, doubt, cancellationToken);
    }

    /// <summary>Reads an entry of an archive, and hands in what it is. No more of it is read than is taken.</summary>
    /// <param name="path">Its path in the delivery.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="maxTableBytes">How large it may be if it is a table.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task ReadEntryAsync(string path, Stream content, long maxTableBytes, CancellationToken cancellationToken)
    {
        var (kind, count) = await ReadStartAsync(path, content, cancellationToken);
        if (kind.IsArchive())
        {
            await sink.RefuseAsync(path, count, ArchiveLimits.Nested, cancellationToken);
            return;
        }

        if (kind == FileKind.Picture)
        {
            var (bytes, size) = await ReadUpToAsync(count, content, cancellationToken);
            if (size > MaxImageBytes)
                await sink.RefuseAsync(path, size, TooLargeEntry(MaxImageBytes), cancellationToken);
            else
                await sink.AddAsync(path, bytes, cancellationToken);
            return;
        }

        await using var spool = new Spool(maxTableBytes, options);
        var table = await spool.TakeAsync(_buffer.AsMemory(0, count), content, readOn: false, cancellationToken);
        if (spool.IsWhole)
            await ReadTableAsync(path, table, spool.Written, cancellationToken);
        else
            await sink.RefuseAsync(path, spool.Written, spool.IsOutOfSpace ? OutOfSpace : TooLargeEntry(maxTableBytes), cancellationToken);
    }

    private static Refusal OutOfSpace => new(RefusalKinds.ArchiveTooLarge,
        "The service has no disk space for the file. Make room on the service's disk and deliver it again, an archive also as a folder.");

    private async Task ReadPictureAsync(string path, int count, Stream content, Func<long, string?> doubt, CancellationToken cancellationToken)
    {
        var (bytes, size) = await ReadUpToAsync(count, content, cancellationToken);
        if (size > MaxImageBytes)
            size += content.CanSeek ? content.Length - content.Position : await CountRestAsync(content, cancellationToken);
        if (doubt(size) is { } reason)
            await sink.SettleAsync(path, size, FileVerdict.Waiting(reason), cancellationToken);
        else if (size > MaxImageBytes)
            await sink.RefuseAsync(path, size, TooLarge("file", size, MaxImageBytes, "an image", "Save it smaller."), cancellationToken);
        else
            await sink.AddAsync(path, bytes, cancellationToken);
    }

    private async Task ReadInPlaceAsync(string path, FileKind kind, Stream content, Func<long, string?> doubt, CancellationToken cancellationToken)
    {
        var size = content.Length;
        content.Position = 0;
        if (doubt(size) is { } reason)
            await sink.SettleAsync(path, size, FileVerdict.Waiting(reason), cancellationToken);
        else if (size > LimitOf(kind))
            await sink.RefuseAsync(path, size, TooLarge(kind, size), cancellationToken);
        else
            await ReadWholeAsync(path, kind, content, size, cancellationToken);
    }

    private async Task ReadSpooledAsync(
        string path, FileKind kind, ReadOnlyMemory<byte> start, Stream rest, Func<long, string?> doubt, CancellationToken cancellationToken)
    {
        await using var spool = new Spool(LimitOf(kind), options);
        var whole = await spool.TakeAsync(start, rest, readOn: true, cancellationToken);
        if (doubt(spool.Written) is { } reason)
            await sink.SettleAsync(path, spool.Written, FileVerdict.Waiting(reason), cancellationToken);
        else if (spool.IsOverLimit)
            await sink.RefuseAsync(path, spool.Written, TooLarge(kind, spool.Written), cancellationToken);
        else if (spool.IsOutOfSpace)
            await sink.RefuseAsync(path, spool.Written, OutOfSpace, cancellationToken);
        else
            await ReadWholeAsync(path, kind, whole, spool.Written, cancellationToken);
    }

    private Task ReadWholeAsync(string path, FileKind kind, Stream content, long size, CancellationToken cancellationToken) => kind switch
    {
        FileKind.Table => ReadTableAsync(path, content, size, cancellationToken),
        FileKind.Zip => new ZipIntake(this, options).ReadAsync(path, content, size, cancellationToken),
        _ => new TarIntake(this, options).ReadAsync(path, kind, content, size, cancellationToken),
    };

    private async Task ReadTableAsync(string path, Stream table, long size, CancellationToken cancellationToken)
    {
        // A table whose path is refused is not read; its class folder says nothing.
        var verdict = DeliveryPath.TryParse(path, out _, out var bad) || bad.Kind == RefusalKinds.UnknownClass
            ? await tables.ReadAsync(deliveryId, table, cancellationToken)
            : FileVerdict.Of(bad);
        await sink.SettleAsync(path, size, verdict, cancellationToken);
    }

    private async ValueTask<(FileKind Kind, int Count)> ReadStartAsync(string path, Stream content, CancellationToken cancellationToken)
    {
        var count = await content.ReadAtLeastAsync(_buffer.AsMemory(0, FileKinds.StartBytes), FileKinds.StartBytes, throwOnEndOfStream: false, cancellationToken);
        return (FileKinds.Of(_buffer.AsSpan(0, count), path), count);
    }

    // One byte more than an image may have shows that it has too many.
    private async Task<(byte[] Bytes, long Size)> ReadUpToAsync(int count, Stream content, CancellationToken cancellationToken)
    {
        var isEnd = count < FileKinds.StartBytes;
        while (!isEnd && count <= MaxImageBytes)
        {
            if (count == _buffer.Length)
                Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, MaxImageBytes + 1));
            count += await content.ReadAtLeastAsync(_buffer.AsMemory(count), _buffer.Length - count, throwOnEndOfStream: false, cancellationToken);
            isEnd = count < _buffer.Length;
        }

        return (count > MaxImageBytes ? [] : _buffer[..count], count);
    }

    private async Task<long> CountRestAsync(Stream content, CancellationToken cancellationToken)
    {
        long count = 0;
        int read;
        while ((read = await content.ReadAsync(_buffer, cancellationToken)) > 0)
            count += read;
        return count;
    }

    private long LimitOf(FileKind kind) => kind == FileKind.Table ? options.MaxTableBytes : options.MaxArchiveBytes;

    private Refusal TooLarge(FileKind kind, long size) => kind == FileKind.Table
        ? TooLarge("table", size, options.MaxTableBytes, "a table", "Deliver it in parts, each with the header.")
        : new Refusal(RefusalKinds.ArchiveTooLarge, $"The archive has more than {Megabytes(options.MaxArchiveBytes)}. Deliver it in parts, or as a folder.");

    private static Refusal TooLarge(string what, long size, long limit, string asWhat, string advice) =>
        new(RefusalKinds.TooLarge, $"The {what} has {Megabytes(size)}; at most {Megabytes(limit)} are taken for {asWhat}. {advice}");

    private static Refusal TooLargeEntry(long limit) => new(RefusalKinds.TooLarge,
        $"The entry unpacks to more than {Megabytes(limit)}; no more was unpacked. Pack files of at most that size.");

    /// <summary>A size for people.</summary>
    public static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");
}
