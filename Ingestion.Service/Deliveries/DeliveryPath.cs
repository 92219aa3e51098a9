using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>The path of a delivered file and what its folders say.</summary>
/// <param name="Path">Relative, forward slashes, at most <see cref="MaxLength"/> characters.</param>
/// <param name="Diagnosis">What the class folder names.</param>
/// <param name="Split">Train or test where there is such a folder.</param>
/// <param name="IsicIds">The ISIC ids in the file's name.</param>
internal sealed partial record DeliveryPath(string Path, Diagnosis? Diagnosis, Split? Split, IReadOnlyCollection<string> IsicIds)
{
    public const int MaxLength = 1000;

    /// <summary>In UTF-8: the unique index over a delivery's paths takes no longer ones.</summary>
    private const int MaxBytes = 2400;

    private static readonly string KnownNames = string.Join(", ", Diagnoses.Names);

    /// <summary>Whether a file manager left the file behind: such files and folders are passed over and belong to no report.</summary>
    public static bool IsLitter(string path)
    {
        var segments = path.Replace('\\', '/').Split('/');
        return segments[^1] is ".DS_Store" or "Thumbs.db" or "desktop.ini" || segments[^1].StartsWith("._", StringComparison.Ordinal)
            || segments.Contains("__MACOSX");
    }

    /// <summary>
    /// Reads a path. The folder after the last folder Train or Test names the class; without one the innermost folder that is
    /// called like a diagnosis does; without that the file has no label.
    /// </summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out DeliveryPath? path, [NotNullWhen(false)] out Refusal? refusal)
    {
        path = null;
        refusal = Judge(text, out var segments);
        if (refusal is not null)
            return false;

        var folders = segments.AsSpan(0, segments.Length - 1);
        Split? split = null;
        Diagnosis? diagnosis = null;
        for (var i = folders.Length - 1; i >= 0; i--)
        {
            split = folders[i].ToUpperInvariant() switch { "TRAIN" => Storage.Datasets.Split.Train, "TEST" => Storage.Datasets.Split.Test, _ => null };
            if (split is not null)
            {
                diagnosis = null;
                if (i + 1 < folders.Length)
                {
                    if (!Diagnoses.TryParse(folders[i + 1], out var named))
                    {
                        refusal = new Refusal(RefusalKinds.UnknownClass,
                            $"The class folder '{Shorten(folders[i + 1], 100)}' is not known. Name it like one of these diagnoses: {KnownNames}.");
                        return false;
                    }

                    diagnosis = named;
                }

                break;
            }

            if (diagnosis is null && Diagnoses.TryParse(folders[i], out var inner))
                diagnosis = inner;
        }

        var ids = IsicId().Matches(segments[^1]).Select(match => match.Value.ToUpperInvariant()).Distinct().ToArray();
        path = new DeliveryPath(string.Join('/', segments), diagnosis, split, ids);
        return true;
    }

    /// <summary>The path as a report can hold it: whatever was sent, without control characters and not too long, with a distinction behind it if one is given.</summary>
    public static string ForReport(string text, string distinction = "")
    {
        var clean = new StringBuilder(Math.Min(text.Length, MaxLength));
        var length = distinction.Length;
        var bytes = distinction.Length;
        foreach (var rune in text.EnumerateRunes())
        {
            var kept = Rune.IsControl(rune) ? Rune.ReplacementChar : rune;
            length += kept.Utf16SequenceLength;
            bytes += kept.Utf8SequenceLength;
            if (length > MaxLength || bytes > MaxBytes)
                break;
            clean.Append(kept);
        }

        return clean.Length == 0 ? "(no name)" + distinction : clean.Append(distinction).ToString();
    }

    private static Refusal? Judge(string text, out string[] segments)
    {
        segments = [];
        if (text.Length > MaxLength || Encoding.UTF8.GetByteCount(text) > MaxBytes)
        {
            return new Refusal(RefusalKinds.PathTooLong,
                $"The path has {text.Length} characters; at most {MaxLength} ({MaxBytes} bytes) are taken. Move the file to a folder nearer the root.");
        }

        var forward = text.Replace('\\', '/');
        if (forward.StartsWith('/') || (forward.Length > 1 && char.IsAsciiLetter(forward[0]) && forward[1] == ':'))
            return new Refusal(RefusalKinds.BadPath, "The path is absolute. Send paths relative to the delivered folder.");
        if (forward.Any(char.IsControl))
            return new Refusal(RefusalKinds.BadPath, "The path has control characters. Rename the file.");
        if (forward.Split('/')[^1] is "" or ".")
            return new Refusal(RefusalKinds.BadPath, "The file has no name. Give it one.");
        segments = [.. forward.Split('/').Where(segment => segment is not ("" or "."))];
        return segments.Contains("..")
            ? new Refusal(RefusalKinds.BadPath, "The path climbs out of the delivery with '..'. Pack the files by paths below the delivered folder.")
            : null;
    }

    // Never between the halves of a surrogate pair, which the database would not take.
    private static string Shorten(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)] + "...";

    [GeneratedRegex("ISIC_[0-9]{7}", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex IsicId();
}
