using System.Globalization;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>Figures in words that a person understands without knowing the coefficient.</summary>
internal static class ShortcutSentence
{
    /// <summary>Such as "no melanoma and no nevus comes from HAM10000, 98 % of the other classes do".</summary>
    public static string Of(PropertyCodes property, TellingSplit? split, IReadOnlyList<DiagnosisSet> classes)
    {
        if (split is null)
            return "it is the same, or says the same, for all classes";
        var value = property.Values[split.Category];
        var rareFirst = split.Rare.Count <= split.Frequent.Count;
        var rest = (rareFirst ? split.Frequent : split.Rare) is [var only] ? classes[only].ToString() : "the other classes";
        string List(IReadOnlyList<int> group, string before = "") => Join([.. group.Select(c => before + classes[c])]);
        var words = property.Words;
        if (rareFirst)
        {
            var subject = split.RareShare == 0
                ? $"{List(split.Rare, "no ")} {words.Singular}"
                : $"{Percent(split.RareShare)} of {List(split.Rare)} {words.Plural}";
            return $"{subject} {value}, {Percent(split.FrequentShare)} of {rest} do";
        }

        var verb = split.RareShare == 0 ? "does" : "do";
        return $"{Percent(split.FrequentShare)} of {List(split.Frequent)} {words.Plural} {value}, {Percent(split.RareShare)} of {rest} {verb}";
    }

    /// <summary>A share in whole percent, never rounded to none or to all.</summary>
    public static string Percent(double share) => share switch
    {
        0 => "none",
        1 => "all",
        < 0.01 => "under 1 %",
        > 0.99 => "over 99 %",
        _ => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0} %"),
    };

    private static string Join(string[] names) => names.Length < 2 ? string.Concat(names) : $"{string.Join(", ", names[..^1])} and {names[^1]}";
}
