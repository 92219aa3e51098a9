namespace Melanoma.Imaging;

/// <summary>
/// From where on a measure is doubtful. Fixed, and chosen so that about one in a hundred of the real pictures in <c>docs/data-quality.md</c> gets any flag.
/// </summary>
public static class QualityLimits
{
    /// <summary>Least shorter side in pixels: what all is measured at, 128.</summary>
    public const int MinSide = PictureScan.Side;

    /// <summary>Least <see cref="ImageQuality.Sharpness"/>, in grey levels.</summary>
    public const double MinSharpness = 0.9;

    /// <summary>Least <see cref="ImageQuality.Highlights"/>, 0 to 1.</summary>
    public const double MinHighlights = 0.5;

    /// <summary>Largest <see cref="ImageQuality.BurntShare"/>, 0 to 1.</summary>
    public const double MaxBurntShare = 0.7;

    /// <summary>Largest <see cref="ImageQuality.BlankShare"/>, 0 to 1.</summary>
    public const double MaxBlankShare = 0.5;

    /// <summary>Least <see cref="ImageQuality.Likeness"/>, 0 to 1.</summary>
    public const double MinLikeness = 0.2;
}
