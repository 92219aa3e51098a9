using System.Collections.Frozen;
using System.Globalization;
using System.Text.RegularExpressions;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Tables;

/// <summary>The fields of the current row by the names of their columns, read into our own words. What cannot be read becomes a remark.</summary>
internal sealed partial class TableFields(IReadOnlyList<string> columns, DelimitedReader record, TableLimits limits)
{
    private readonly FrozenDictionary<string, int> _columns =
        columns.Index().Where(column => column.Item.Length > 0)
            .ToFrozenDictionary(column => column.Item, column => column.Index, StringComparer.OrdinalIgnoreCase);

    private List<string>? _remarks;

    /// <summary>Takes what was left out of the current row, so that the next begins anew.</summary>
    public IReadOnlyList<string> TakeRemarks()
    {
        IReadOnlyList<string> taken = _remarks ?? [];
        _remarks = null;
        return taken;
    }

    /// <summary>The text of a field on one line, without the space around it; empty when the table has no such column.</summary>
    public string this[string column]
    {
        get
        {
            if (!_columns.TryGetValue(column, out var index))
                return "";
            var text = record.Value(index).Trim();
            return text.AsSpan().ContainsAny('\r', '\n', '\t') ? Space().Replace(text, " ") : text;
        }
    }

    /// <summary>The text of a field; null when it is empty.</summary>
    public string? Text(string column) => this[column] is { Length: > 0 } text ? text : null;

    /// <summary>The id of a lesion or patient, or the name of a source; null when it is empty or too long to be one.</summary>
    public string? Id(string column)
    {
        if (this[column] is not { Length: > 0 } id || Vocabularies.Unknown.Contains(id))
            return null;
        if (id.Length <= limits.MaxIdLength)
            return id;
        Remark($"The {column} has more than {limits.MaxIdLength} characters and was left out.");
        return null;
    }

    /// <summary>The one ISIC id in a field that is an id or a file's path; null when it is neither.</summary>
    public string? IsicId(string column)
    {
        var text = this[column];
        var match = IsicIdOrFile().Match(text[(text.AsSpan().LastIndexOfAny('/', '\\') + 1)..]);
        return match.Success ? $"ISIC_{match.Groups[1].ValueSpan}" : null;
    }

    /// <summary>An age in years, 0-120; the archive's <c>85+</c> is 85.</summary>
    public int? Age(string column)
    {
        var text = this[column];
        if (Vocabularies.Unknown.Contains(text))
            return null;
        if (double.TryParse(text.TrimEnd('+'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var years) && years <= 120)
            return (int)Math.Round(years, MidpointRounding.AwayFromZero);
        Remark($"The {column} is not a number of years from 0 to 120 and was left out.");
        return null;
    }

    /// <summary>Our word for the first of the fields that has a known one; the fields go from fine to coarse.</summary>
    public string? Word(FrozenDictionary<string, string> words, params ReadOnlySpan<string> fineToCoarse)
    {
        var isSaid = false;
        foreach (var column in fineToCoarse)
        {
            var text = this[column];
            if (words.TryGetValue(text, out var ours))
                return ours;
            isSaid |= !Vocabularies.Unknown.Contains(text);
        }

        if (isSaid)
            Remark($"The {fineToCoarse[^1]} is not a word of docs/vocabularies.md and was left out.");
        return null;
    }

    /// <summary>The short name of the licence in a field, or its text where it is not a known one.</summary>
    public string? Licence(string column) => Text(column) is { } text ? Vocabularies.Licences.GetValueOrDefault(text, text) : null;

    /// <summary>Notes that a diagnosis claims nothing. The word is given, so that it can be corrected.</summary>
    public DiagnosisSet? UnknownDiagnosis(string word)
    {
        Remark($"The diagnosis '{(word.Length <= 60 ? word : "(a long text)")}' is none of the words of docs/vocabularies.md and claims nothing.");
        return null;
    }

    /// <summary>Notes what was left out of the row and why.</summary>
    public void Remark(string sentence) => (_remarks ??= []).Add(sentence);

    // Numbered copies and the challenges' suffix belong to the same picture.
    [GeneratedRegex(@"^ISIC_([0-9]{7})(_downsampled|_[0-9]{1,3}|\([0-9]{1,3}\))?(\.[a-z]{3,4})?$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex IsicIdOrFile();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
