namespace Melanoma.Ingestion.Tables;

/// <summary>
/// Reads separated text record by record with one buffer of fixed size, however long the file is. Bad content is a fault of its record and
/// costs one line: reading goes on at the line after the one on which the record began, so that a quote that is never closed does not
/// swallow the rest of the table.
/// </summary>
internal sealed class DelimitedReader(Stream stream, TableLimits limits)
{
    // A record, its line break, and one byte that shows whether the record ends there.
    private readonly int _window = limits.MaxRowBytes + 3;
    private readonly byte[] _buffer = new byte[4 * (limits.MaxRowBytes + 3)];
    private DelimitedRecord _record = new((byte)',', limits);
    private int _start;
    private int _end;
    private int _recordStart;
    private int _recordLength;
    private bool _ended;
    private bool _skipping;
    private int _nextLine = 1;

    /// <summary>The line, from 1, on which the record begins; lines inside quoted fields count.</summary>
    public int LineNumber { get; private set; }

    /// <summary>What is wrong with the record; it has no fields then.</summary>
    public string? Fault { get; private set; }

    /// <summary>How many fields the record has.</summary>
    public int Count => Fault is null ? _record.Count : 0;

    /// <summary>The bytes that come next, behind a byte order mark of UTF-8 and empty lines: the first record at least, if it is within the limits.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> PeekAsync(CancellationToken cancellationToken)
    {
        await FillAsync(cancellationToken);
        if (_nextLine == 1 && _buffer.AsSpan(_start, _end - _start).StartsWith("\uFEFF"u8))
            _start += 3;
        while (_buffer.AsSpan(_start, _end - _start) is [(byte)'\r' or (byte)'\n', ..])
        {
            PassBreak();
            await FillAsync(cancellationToken);
        }

        return _buffer.AsMemory(_start, Math.Min(_end - _start, _window));
    }

    /// <summary>Sets what separates the fields of the records that follow.</summary>
    public void SeparateBy(byte separator) => _record = new DelimitedRecord(separator, limits);

    /// <summary>Goes to the next record; empty lines are passed over. False at the end of the file.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        do
        {
            await FillAsync(cancellationToken);
        }
        while (_skipping ? Skip() : PassBreak());
        if (_start == _end)
            return false;
        Take();
        return true;
    }

    /// <summary>Whether the record has fields, and no text in any.</summary>
    public bool IsBlank => Fault is null && _record.IsBlank(_buffer.AsSpan(_recordStart, _recordLength));

    /// <summary>The text of a field of the record, exactly.</summary>
    public string Value(int index) => _record.Value(_buffer.AsSpan(_recordStart, _recordLength), index);

    private void Take()
    {
        var text = _buffer.AsSpan(_start, Math.Min(_end - _start, _window));
        var length = _record.Scan(text, out var fault);
        if (fault is null && length > 0 && text[..length].TrimEnd("\r\n"u8).Length > limits.MaxRowBytes)
            fault = $"The row has more than {limits.MaxRowBytes} bytes.";
        fault ??= DelimitedRecord.Unfit(text[..length]);

        LineNumber = _nextLine;
        Fault = fault;
        _skipping = fault is not null;
        if (fault is null)
        {
            (_recordStart, _recordLength) = (_start, length);
            _nextLine += DelimitedRecord.LineBreaks(text[..length]);
            _start += length;
        }
    }

    private bool PassBreak()
    {
        var length = DelimitedRecord.LineBreak(_buffer.AsSpan(_start, _end - _start));
        _start += length;
        _nextLine += length > 0 ? 1 : 0;
        return length > 0;
    }

    /// <summary>Drops what is buffered of a bad line. The break at its end may be half read, so it is passed after the next filling.</summary>
    private bool Skip()
    {
        var lineEnd = _buffer.AsSpan(_start, _end - _start).IndexOfAny((byte)'\r', (byte)'\n');
        _start = lineEnd < 0 ? _end : _start + lineEnd;
        _skipping = lineEnd < 0 && !_ended;
        return true;
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (_ended || _end - _start >= _window)
            return;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var wanted = _window - _end;
        var read = await stream.ReadAtLeastAsync(_buffer.AsMemory(_end), wanted, throwOnEndOfStream: false, cancellationToken);
        _end += read;
        _ended = read < wanted;
    }
}
