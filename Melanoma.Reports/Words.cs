using System.Globalization;
using Melanoma.Contracts.Models;

namespace Melanoma.Reports;

/// <summary>Numbers as a report writes them.</summary>
internal static class Words
{
    public const string Nothing = "–";

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    public static string Three(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? Nothing;

    /// <summary><c>0.812 [0.790, 0.834]</c>, which a narrow table may break before the interval alone; the figure alone where no interval is known.</summary>
    public static string WithInterval(double? value, Interval? interval) =>
        value is null || interval is null ? Three(value) : $"{Three(value)} [{Three(interval.Low)},\u00A0{Three(interval.High)}]";

    public static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
