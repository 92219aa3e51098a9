using System.Globalization;

namespace Melanoma.Portal.Classification;

/// <summary>Probabilities as people read them.</summary>
internal static class Percent
{
    /// <summary>One decimal; never "0.0 %" or "100.0 %" for what is not quite so.</summary>
    public static string Of(double probability) => probability switch
    {
        > 0 and < 0.0005 => "< 0.1 %",
        > 0.9995 and < 1 => "> 99.9 %",
        _ => string.Create(CultureInfo.InvariantCulture, $"{100 * probability:0.0} %"),
    };
}
