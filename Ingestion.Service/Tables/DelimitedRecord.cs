using System.Buffers;
using System.Text;

namespace Melanoma.Ingestion.Tables;

/// <summary>
/// Finds the fields of one record of separated text (RFC 4180, any single-byte separator, LF, CRLF or CR as line break) in UTF-8 bytes.
/// Strict about quotes: a quote inside an unquoted field or text behind a closing quote would shift columns unnoticed, so it is a fault.
/// </summary>
internal sealed class DelimitedRecord(byte separator, TableLimits limits)
{
    private const byte Quote = (byte)'"';

    // All of C0 but tab and the line breaks, which quoted fields may hold, and DEL.
    private static readonly SearchValues<byte> Controls =
        SearchValues.Create([.. Enumerable.Range(0, 32).Where(code => code is not ('\t' or '\n' or '\r')).Append(127).Select(code => (byte)code)]);

    private readonly SearchValues<byte> _special = SearchValues.Create([separator, Quote, (byte)'\r', (byte)'\n']);
    private readonly SearchValues<byte> _blank = SearchValues.Create([separator, Quote, (byte)' ', (byte)'\t', (byte)'\r', (byte)'\n']);
    private readonly List<Field> _fields = [];

    /// <summary>How many fields the record has.</summary>
    public int Count => _fields.Count;

    /// <summary>Scans the record at the start of <paramref name="text"/>.</summary>
    /// <param name="text">The record and what follows; when it ends inside the record, it is taken for the end of the file.</param>
    /// <param name="fault">What is wrong with the record; its fields are not to be used then.</param>
    /// <returns>Bytes up to the next record; without meaning when there is a fault.</returns>
    public int Scan(ReadOnlySpan<byte> text, out string? fault)
    {
        _fields.Clear();
        fault = null;
        for (var at = 0; ;)
        {
            var start = at;
            var quotes = 0;
            int end;
            if (at < text.Length && text[at] == Quote)
            {
                end = ClosingQuote(text, ++start, ref quotes);
                if (end < 0)
                {
                    fault = "A quote is opened and not closed.";
                    return 0;
                }

                at = end + 1;
                if (at < text.Length && text[at] != separator && text[at] is not ((byte)'\r' or (byte)'\n'))
                {
                    fault = "There is text behind a closing quote. Double the quotes that belong to the text.";
                    return 0;
                }
            }
            else
            {
                var next = text[at..].IndexOfAny(_special);
                at = end = next < 0 ? text.Length : at + next;
                if (at < text.Length && text[at] == Quote)
                {
                    fault = "There is a quote inside a field that does not begin with one. Put the whole field in quotes and double those inside.";
                    return 0;
                }
            }

            if (end - start > limits.MaxFieldBytes)
            {
                fault = $"Field {_fields.Count + 1} has more than {limits.MaxFieldBytes} bytes.";
                return 0;
            }

            if (_fields.Count == limits.MaxColumns)
            {
                fault = $"There are more than {limits.MaxColumns} fields.";
                return 0;
            }

            _fields.Add(new Field(start, end - start, quotes > 0));
            if (at == text.Length)
                return at;
            if (text[at] != separator)
                return at + LineBreak(text[at..]);
            at++;
        }
    }

    /// <summary>A field's text as it was before it was quoted, from the same bytes that were scanned; they are valid UTF-8.</summary>
    public string Value(ReadOnlySpan<byte> text, int index)
    {
        var field = _fields[index];
        var value = Encoding.UTF8.GetString(text.Slice(field.Start, field.Length));
        return field.HasQuotes ? value.Replace("\"\"", "\"", StringComparison.Ordinal) : value;
    }

    /// <summary>Whether no field of a record has any text.</summary>
    public bool IsBlank(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(_blank);

    /// <summary>What keeps the bytes of a record from being stored as text.</summary>
    public static string? Unfit(ReadOnlySpan<byte> text)
    {
        if (text.ContainsAny(Controls))
            return "There are control characters.";
        if (Ascii.IsValid(text))
            return null;
        if (!System.Text.Unicode.Utf8.IsValid(text))
            return "There are bytes that are not UTF-8. Save the table as UTF-8.";

        // C1 controls are C2 80 to C2 9F.
        for (var at = text.IndexOf((byte)0xC2); at >= 0;)
        {
            if (text[at + 1] < 0xA0)
                return "There are control characters.";
            var next = text[(at + 1)..].IndexOf((byte)0xC2);
            at = next < 0 ? -1 : at + 1 + next;
        }

        return null;
    }

    /// <summary>Length of the line break at the start of <paramref name="text"/>: 0, 1 or 2.</summary>
    public static int LineBreak(ReadOnlySpan<byte> text) => text switch
    {
        [(byte)'\r', (byte)'\n', ..] => 2,
        [(byte)'\r' or (byte)'\n', ..] => 1,
        _ => 0,
    };

    /// <summary>How many line breaks there are: LF, CRLF and CR count one each.</summary>
    public static int LineBreaks(ReadOnlySpan<byte> text)
    {
        var breaks = text.Count((byte)'\n');
        for (var at = text.IndexOf((byte)'\r'); at >= 0;)
        {
            if (at + 1 == text.Length || text[at + 1] != '\n')
                breaks++;
            var next = text[(at + 1)..].IndexOf((byte)'\r');
            at = next < 0 ? -1 : at + 1 + next;
        }

        return breaks;
    }

    private static int ClosingQuote(ReadOnlySpan<byte> text, int from, ref int quotes)
    {
        for (var at = from; ; at += 2, quotes++)
        {
            var next = text[at..].IndexOf(Quote);
            if (next < 0)
                return -1;
            at += next;
            if (at + 1 == text.Length || text[at + 1] != Quote)
                return at;
        }
    }

    private readonly record struct Field(int Start, int Length, bool HasQuotes);
}
