using System.Buffers;
using System.Runtime.CompilerServices;

namespace Melanoma.Ingestion.Tables;

/// <summary>
/// Reads a table of labels or metadata row by row, in memory that does not depend on its length. No content is an exception: a file is
/// refused at the start, or each of its rows is given or refused. The same id may come in several rows; all are given, and all that differ
/// are kept as claims (<see cref="RepeatedIds"/>).
/// </summary>
internal sealed class TableReader
{
    private const int SniffedBytes = 4096;

    // An unquoted header has none of them; they begin pictures and archives.
    private static readonly SearchValues<byte> Binary =
        SearchValues.Create([.. Enumerable.Range(0, 32).Where(code => code is not ('\t' or '\n' or '\r')).Select(code => (byte)code)]);

    private readonly DelimitedReader _records;
    private readonly IReadOnlyList<string> _columns;
    private readonly TableFields _fields;

    private TableReader(TableKind kind, DelimitedReader records, IReadOnlyList<string> columns, TableLimits limits)
    {
        Kind = kind;
        _records = records;
        _columns = columns;
        _fields = new TableFields(columns, records, limits);
    }

    /// <summary>What kind of table it is.</summary>
    public TableKind Kind { get; }

    /// <summary>
    /// Whether a file is to be read as a table: text that is called .csv, .tsv or .tab, or whose first line has at least two columns of
    /// one known kind.
    /// </summary>
    /// <param name="start">The first bytes of the file; 4 KiB are plenty.</param>
    /// <param name="path">Its path; only the extension counts.</param>
    public static bool LooksLikeTable(ReadOnlySpan<byte> start, string path)
    {
        if (start.IsEmpty)
            return false;
        var isCalledTable = Path.GetExtension(path).ToUpperInvariant() is ".CSV" or ".TSV" or ".TAB";
        if (IsUtf16(start))
            return isCalledTable;
        if (start[..Math.Min(start.Length, SniffedBytes)].ContainsAny(Binary))
            return false;
        return isCalledTable || TableHeader.Read(WithoutMark(start), TableLimits.Default) is { } header && TableKind.CountKnown(header.Columns) > 1;
    }

    /// <summary>Reads the header of a table: the table, or why the file cannot be read as one.</summary>
    /// <param name="stream">The file; read forward only, and not closed.</param>
    /// <param name="limits">What a row may come to.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public static async Task<(TableReader? Table, string? Refusal)> OpenAsync(Stream stream, TableLimits limits, CancellationToken cancellationToken)
    {
        var records = new DelimitedReader(stream, limits);
        var start = await records.PeekAsync(cancellationToken);
        if (start.IsEmpty)
            return (null, "The table is empty.");
        if (IsUtf16(start.Span))
            return (null, "The table is UTF-16 text. Save it as UTF-8.");
        if (TableHeader.Read(start.Span, limits) is not { } header)
            return (null, $"The first line is not the header of a table in UTF-8 with at most {limits.MaxColumns} columns and {limits.MaxHeaderBytes} bytes.");
        if (TableKind.Recognise(header.Columns) is not { } kind)
            return (null, TableKind.Explain(header.Columns));
        if (header.Columns.Where(column => column.Length > 0).GroupBy(column => column, StringComparer.OrdinalIgnoreCase).Any(same => same.Count() > 1))
            return (null, "A column name stands in the first line twice. Rename or drop one of the two.");

        records.SeparateBy(header.Separator);
        await records.ReadAsync(cancellationToken);
        return (new TableReader(kind, records, header.Columns, limits), null);
    }

    /// <summary>The rows in the order of the file, once. Rows without any text are passed over.</summary>
    public async IAsyncEnumerable<TableEntry> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await _records.ReadAsync(cancellationToken))
        {
            if (Judge() is { } entry)
                yield return entry;
        }
    }

    private TableEntry? Judge()
    {
        var line = _records.LineNumber;
        if (_records.Fault is { } fault)
            return new RefusedRow(line, fault);
        if (_records.IsBlank)
            return null;
        if (_records.Count != _columns.Count)
            return new RefusedRow(line, $"The row has {_records.Count} fields and the header {_columns.Count}.");
        if (_fields.IsicId(Kind.IdColumn) is not { } id)
            return new RefusedRow(line, $"The {Kind.IdColumn} is not an ISIC id such as ISIC_0024306.");

        var entry = Kind.Fill(_fields, new TableRow(line, id));
        var remarks = _fields.TakeRemarks();
        return entry is TableRow row && remarks.Count > 0 ? row with { Remarks = remarks } : entry;
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> text) => text.StartsWith("\uFEFF"u8) ? text[3..] : text;

    // With a byte order mark, or as Western text looks without one.
    private static bool IsUtf16(ReadOnlySpan<byte> text) => text is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] or [0, > 0, 0, > 0, ..] or [> 0, 0, > 0, 0, ..];
}
