namespace Melanoma.Imaging;

/// <summary>The file formats that are told apart by their first bytes.</summary>
public enum ImageFormat
{
    /// <summary>None of the formats below.</summary>
    Unknown = 0,

    /// <summary>JPEG (JFIF, EXIF, Adobe), 8 bits a component, baseline or progressive.</summary>
    Jpeg,

    /// <summary>PNG, every colour type and bit depth.</summary>
    Png,

    /// <summary>WebP, lossy or lossless, one frame.</summary>
    WebP,

    /// <summary>TIFF, first page; see <c>docs/imaging.md</c> for the compressions.</summary>
    Tiff,

    /// <summary>Windows bitmap.</summary>
    Bmp,

    /// <summary>GIF: recognised, never decoded.</summary>
    Gif,

    /// <summary>JPEG 2000: recognised, never decoded.</summary>
    Jpeg2000,

    /// <summary>JPEG XL: recognised, never decoded.</summary>
    JpegXl,

    /// <summary>AVIF: recognised, never decoded.</summary>
    Avif,

    /// <summary>HEIF or HEIC: recognised, never decoded.</summary>
    Heif,

    /// <summary>DICOM: recognised, never decoded.</summary>
    Dicom,
}
