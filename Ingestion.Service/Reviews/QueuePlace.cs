using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Melanoma.Ingestion.Reviews;

/// <summary>A place in the queue, behind which the next page begins.</summary>
/// <param name="State">The place of its state among those asked for, from 1.</param>
/// <param name="Kind">The kind's column.</param>
/// <param name="Score">How urgent.</param>
/// <param name="Id">The item.</param>
internal readonly record struct QueuePlace(int State, string Kind, float Score, Guid Id)
{
    private const int MaxTokenLength = 200;

    /// <summary>The token that stands for it on the wire.</summary>
    public string ToToken() =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{State} {Kind} {Score:R} {Id:N}")));

    /// <summary>Reads a token.</summary>
    public static bool TryParse(string token, [NotNullWhen(true)] out QueuePlace? place)
    {
        place = null;
        if (token.Length > MaxTokenLength || !Base64Url.IsValid(token))
            return false;
        if (Encoding.ASCII.GetString(Base64Url.DecodeFromChars(token)).Split(' ') is not [var state, var kind, var score, var id]
            || !int.TryParse(state, NumberStyles.None, CultureInfo.InvariantCulture, out var parsedState)
            || !kind.All(char.IsAsciiLetterLower)
            || !float.TryParse(score, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsedScore)
            || !Guid.TryParseExact(id, "N", out var parsedId))
        {
            return false;
        }

        place = new QueuePlace(parsedState, kind, parsedScore, parsedId);
        return true;
    }
}
