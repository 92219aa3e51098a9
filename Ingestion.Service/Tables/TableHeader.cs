namespace Melanoma.Ingestion.Tables;

/// <summary>The first line of a table and what separates its fields.</summary>
internal sealed record TableHeader(byte Separator, IReadOnlyList<string> Columns)
{
    /// <summary>
    /// Reads the header with the separator that makes it a known one, or else gives the most columns; null when the first record is
    /// no header within the limits.
    /// </summary>
    public static TableHeader? Read(ReadOnlySpan<byte> text, TableLimits limits)
    {
        TableHeader? best = null;
        var isFaulty = false;
        foreach (var separator in ",;\t"u8)
        {
            if (Read(text, separator, limits) is not { } header)
            {
                isFaulty = true;
                continue;
            }

            if (TableKind.Recognise(header.Columns) is not null)
                return header;
            if (best is null || header.Columns.Count > best.Columns.Count)
                best = header;
        }

        // One column only: its separator is the one with which there is something wrong.
        return isFaulty && best?.Columns.Count == 1 ? null : best;
    }

    private static TableHeader? Read(ReadOnlySpan<byte> text, byte separator, TableLimits limits)
    {
        var record = new DelimitedRecord(separator, limits);
        var length = record.Scan(text, out var fault);
        if (fault is not null || length > limits.MaxHeaderBytes || DelimitedRecord.Unfit(text[..length]) is not null)
            return null;
        var columns = new string[record.Count];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = record.Value(text, i).Trim();
        return new TableHeader(separator, columns);
    }
}
