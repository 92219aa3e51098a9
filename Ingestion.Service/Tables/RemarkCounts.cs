using System.Globalization;

namespace Melanoma.Ingestion.Tables;

/// <summary>What was left out of a table's rows, counted for its report: the first distinct remarks with their lines, all others in one number.</summary>
internal sealed class RemarkCounts
{
    private const int MaxExamples = 5;

    private readonly Dictionary<string, (int Rows, int FirstLine)> _examples = new(StringComparer.Ordinal);
    private int _others;

    public void Add(TableRow row)
    {
        foreach (var remark in row.Remarks)
        {
            if (_examples.TryGetValue(remark, out var seen))
                _examples[remark] = (seen.Rows + 1, seen.FirstLine);
            else if (_examples.Count < MaxExamples)
                _examples.Add(remark, (1, row.LineNumber));
            else
                _others++;
        }
    }

    /// <summary>The remarks in the order of their lines; null when there are none.</summary>
    public string? Say() => _examples.Count == 0
        ? null
        : string.Join("; ", _examples.Select(remark => Say(remark.Key, remark.Value.Rows, remark.Value.FirstLine)))
            + (_others > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {_others:N0} other remarks") : "");

    private static string Say(string remark, int rows, int firstLine) => rows == 1
        ? string.Create(CultureInfo.InvariantCulture, $"line {firstLine}: {remark.TrimEnd('.')}")
        : string.Create(CultureInfo.InvariantCulture, $"{rows:N0} rows from line {firstLine}: {remark.TrimEnd('.')}");
}
