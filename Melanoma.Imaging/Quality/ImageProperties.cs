namespace Melanoma.Imaging;

/// <summary>
/// What a picture shows of the camera and the software behind it, and nothing of medicine: where a class can be told from these, a network can cheat.
/// Size and format are in <see cref="ImageHeader"/>, sharpness in <see cref="ImageQuality"/>.
/// </summary>
/// <param name="JpegQuality">1 to 100: the libjpeg setting whose luminance table is nearest in its sum; null where the file is no JPEG.</param>
/// <param name="JpegTables">The first 64 bits of the SHA-256 of all quantisation tables, which encoders differ in; null where the file is no JPEG.</param>
/// <param name="Subsampling">How the colours of a JPEG are stored beside its brightness.</param>
/// <param name="CornerBrightness">The brightness that nine tenths of the corners do not exceed over the same of the middles of the sides, so that skin is
/// compared and not the lesion: 1 is even light, below it a vignette; 1 where the sides are black.</param>
/// <param name="DarkCorners">Share of what lies outside the inscribed ellipse that is dark (below 40 of 255), 0 to 1: a round frame, as of a dermoscope's
/// tube.</param>
/// <param name="DarkSides">Share of the outermost 3 % along the middles of the four sides that is dark, 0 to 1: a black frame or bars.</param>
public readonly record struct ImageProperties(
    int? JpegQuality,
    long? JpegTables,
    ChromaSubsampling Subsampling,
    double CornerBrightness,
    double DarkCorners,
    double DarkSides);
