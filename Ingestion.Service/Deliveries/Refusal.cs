using Melanoma.Imaging;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Why a file is not taken.</summary>
/// <param name="Kind">One of <see cref="RefusalKinds"/>, for totals.</param>
/// <param name="Reason">A sentence for people: what is wrong and what to do. It holds no file content.</param>
internal sealed record Refusal(string Kind, string Reason)
{
    public static Refusal Forgotten { get; } = new(RefusalKinds.Forgotten, "This picture was forgotten on somebody's request, and is not taken in again.");

    public static Refusal Of(ImageRefusal refusal) => new(refusal.Reason switch
    {
        ImageRefusalReason.Empty => RefusalKinds.Empty,
        ImageRefusalReason.NotAnImage => RefusalKinds.NotAnImage,
        ImageRefusalReason.UnsupportedFormat => RefusalKinds.UnsupportedFormat,
        ImageRefusalReason.Truncated => RefusalKinds.Truncated,
        ImageRefusalReason.TooManyBytes => RefusalKinds.TooLarge,
        ImageRefusalReason.TooManyPixels => RefusalKinds.TooManyPixels,
        ImageRefusalReason.TooSmall => RefusalKinds.TooSmall,
        _ => RefusalKinds.Corrupt,
    }, refusal.Message);
}

/// <summary>The kinds of refusal, as they stand in the database and in totals.</summary>
internal static class RefusalKinds
{
    public const string Empty = "empty";
    public const string NotAnImage = "not-an-image";
    public const string UnsupportedFormat = "unsupported-format";
    public const string Truncated = "truncated";
    public const string TooLarge = "too-large";
    public const string TooManyPixels = "too-many-pixels";
    public const string TooSmall = "too-small";
    public const string Corrupt = "corrupt";
    public const string UnknownClass = "unknown-class";
    public const string BadPath = "bad-path";
    public const string PathTooLong = "path-too-long";
    public const string PathTwice = "path-twice";
    public const string UnknownTable = "unknown-table";
    public const string NoRows = "no-rows";
    public const string Unreadable = "unreadable";
    public const string NotAFile = "not-a-file";
    public const string ArchiveTooLarge = "archive-too-large";
    public const string ArchiveDamaged = "archive-damaged";
    public const string TooManyEntries = "too-many-entries";
    public const string Expansion = "expansion";
    public const string Encrypted = "encrypted";
    public const string Link = "link";
    public const string NestedArchive = "nested-archive";
    public const string Forgotten = "forgotten";
}
