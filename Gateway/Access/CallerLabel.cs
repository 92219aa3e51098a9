namespace Melanoma.Gateway.Access;

/// <summary>Names of callers and tenants. They travel in headers, tokens and logs, so they are plain ASCII without spaces at the ends.</summary>
internal static class CallerLabel
{
    public const string Rule = "1 to 200 printable ASCII characters and no spaces around them";

    public static bool IsGood(string text) => text.Length is > 0 and <= 200 && text.Trim() == text && text.All(character => character is >= ' ' and <= '~');
}
