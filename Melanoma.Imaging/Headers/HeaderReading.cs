namespace Melanoma.Imaging.Headers;

/// <summary>A header, or why there is none.</summary>
internal readonly record struct HeaderReading(ImageHeader Header, ImageRefusal? Refusal)
{
    public static implicit operator HeaderReading(ImageHeader header) => new(header, null);

    public static HeaderReading Refused(ImageRefusalReason reason, string message) => new(default, new(reason, message));

    public static HeaderReading Unsupported(string message) => Refused(ImageRefusalReason.UnsupportedFormat, message);

    public static HeaderReading Corrupt(string message) => Refused(ImageRefusalReason.Corrupt, message);

    public static HeaderReading Truncated() => Refused(ImageRefusalReason.Truncated, Headers.Truncated.Message);
}

internal static class Truncated
{
    public const string Message = "The file ends before the picture does, as after a broken copy or upload. Send it again.";

    public static ImageRefusal Refusal { get; } = new(ImageRefusalReason.Truncated, Message);
}
