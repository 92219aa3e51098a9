namespace Melanoma.Imaging;

/// <summary>Why a file is not taken.</summary>
public enum ImageRefusalReason
{
    /// <summary>The file has no bytes.</summary>
    Empty,

    /// <summary>The bytes are no picture in any format that is known here.</summary>
    NotAnImage,

    /// <summary>A picture, but in a format or a variant of a format that is not taken.</summary>
    UnsupportedFormat,

    /// <summary>The file ends before the picture does.</summary>
    Truncated,

    /// <summary>The file is larger than <see cref="ImageLimits.MaxBytes"/>.</summary>
    TooManyBytes,

    /// <summary>The picture is larger than <see cref="ImageLimits.MaxPixels"/> or <see cref="ImageLimits.MaxSide"/>.</summary>
    TooManyPixels,

    /// <summary>One side of the picture is shorter than <see cref="ImageLimits.MinSide"/>.</summary>
    TooSmall,

    /// <summary>The file contradicts itself or its format.</summary>
    Corrupt,
}

/// <summary>A refusal is a value: it crosses layers as data and never as an exception.</summary>
/// <param name="Reason">The reason, for programs.</param>
/// <param name="Message">One sentence for people: what is wrong and what to do. It holds no file content.</param>
public sealed record ImageRefusal(ImageRefusalReason Reason, string Message);
