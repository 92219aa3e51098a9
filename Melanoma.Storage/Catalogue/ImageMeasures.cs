namespace Melanoma.Storage.Catalogue;

/// <summary>
/// What intake measured of an image: how far it is fit to be judged, and what it shows of camera and software, which is no medicine. The
/// measures are those of <c>Melanoma.Imaging.PictureMeasures</c>.
/// </summary>
public sealed class ImageMeasures
{
    /// <summary>Doubts about its quality, as the bits of <c>Melanoma.Imaging.QualityFlags</c>; 0 for none.</summary>
    public required short QualityFlags { get; init; }

    /// <summary>Fine detail, in grey levels.</summary>
    public required float Sharpness { get; init; }

    /// <summary>The brightness that nine tenths of the picture do not exceed, 0 to 1.</summary>
    public required float Highlights { get; init; }

    /// <summary>Share of the picture in which a colour is at its limit, 0 to 1.</summary>
    public required float BurntShare { get; init; }

    /// <summary>Share of the picture in which hardly anything changes, 0 to 1.</summary>
    public required float BlankShare { get; init; }

    /// <summary>How much it looks like dermoscopy, 0 to 1.</summary>
    public required float Likeness { get; init; }

    /// <summary>JPEG quality, 1 to 100; null for other formats.</summary>
    public required short? JpegQuality { get; init; }

    /// <summary>Hash of the JPEG's quantisation tables; null for other formats.</summary>
    public required long? JpegTables { get; init; }

    /// <summary>How a JPEG's colours are stored, as the value of <c>Melanoma.Imaging.ChromaSubsampling</c>.</summary>
    public required short Subsampling { get; init; }

    /// <summary>Brightness of the corners over that of the sides: 1 is even light, below it a vignette.</summary>
    public required float CornerBrightness { get; init; }

    /// <summary>Share of the corners that is dark, 0 to 1.</summary>
    public required float DarkCorners { get; init; }

    /// <summary>Share of the sides that is dark, 0 to 1.</summary>
    public required float DarkSides { get; init; }
}
