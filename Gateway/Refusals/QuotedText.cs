namespace Melanoma.Gateway.Refusals;

/// <summary>What callers sent, where a refusal says it back: a megabyte of it would not fit into a header.</summary>
internal static class QuotedText
{
    private const int Longest = 40;

    public static string Shortened(this string text) => text.Length <= Longest ? text : text[..Longest] + "...";
}
