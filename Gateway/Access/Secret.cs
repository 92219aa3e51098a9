using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Melanoma.Gateway.Access;

/// <summary>API keys, tickets and sessions: 256 random bits behind a prefix that says what it is.</summary>
/// <remarks>
/// Only the SHA-256 is stored, and found by equality: with 256 random bits there is nothing to guess a part of, so neither a slow hash nor a comparison in
/// constant time would add anything.
/// </remarks>
internal static class Secret
{
    public const string KeyPrefix = "mk_";
    public const string TicketPrefix = "mt_";
    public const string SessionPrefix = "ms_";

    private const int RandomBytes = 32;

    public static string New(string prefix) => prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>The hash under which a secret is stored; null when the text has not the form of one, so that junk never costs a look into the database.</summary>
    public static byte[]? HashOf(string? text, string prefix)
    {
        if (text is null || text.Length != prefix.Length + Base64Url.GetEncodedLength(RandomBytes) || !text.StartsWith(prefix, StringComparison.Ordinal))
            return null;
        return Base64Url.IsValid(text.AsSpan(prefix.Length)) ? SHA256.HashData(Encoding.ASCII.GetBytes(text)) : null;
    }
}
