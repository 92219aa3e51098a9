using System.Buffers;
using System.Text;

namespace Melanoma.Contracts;

/// <summary>A line of a table in RFC 4180's form, which a spreadsheet may open without running anything that stands in it.</summary>
public static class CsvLine
{
    // What makes a spreadsheet take a field for a formula.
    private const string FormulaStarts = "=+-@\t\r\n＝＋－＠";

    private static readonly SearchValues<char> Quoted = SearchValues.Create(",;\t\r\n\"'");

    /// <summary>Appends the fields and ends the line. A field that would be a formula gets an apostrophe in front.</summary>
    public static void Append(StringBuilder text, params ReadOnlySpan<string?> fields)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (i > 0)
                text.Append(',');
            AppendField(text, fields[i] ?? "");
        }

        text.Append("\r\n");
    }

    private static void AppendField(StringBuilder text, string field)
    {
        var start = field.AsSpan().TrimStart(' ');
        if (start.Length > 0 && FormulaStarts.Contains(start[0], StringComparison.Ordinal))
            field = $"'{field}";
        if (!field.AsSpan().ContainsAny(Quoted) && (field.Length == 0 || (field[0] != ' ' && field[^1] != ' ')))
            text.Append(field);
        else
            text.Append('"').Append(field.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }
}
