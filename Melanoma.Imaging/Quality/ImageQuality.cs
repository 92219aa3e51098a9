namespace Melanoma.Imaging;

/// <summary>How far a picture is fit to be judged. All is measured at 128 x 128, which the smallest pictures that are taken for good ones still fill.</summary>
/// <param name="Sharpness">
/// Mean square of the Laplacian (4 neighbours) at 128 x 128 over its root mean square at 32 x 32, in grey levels, 0 and up: fine detail beside coarse. Real
/// pictures have 1 to 20, and blur of 1 % of the width leaves less than 0.9.
/// </param>
/// <param name="Highlights">The brightness that nine tenths of the picture do not exceed, 0 (black) to 1 (white).</param>
/// <param name="BurntShare">Share of the picture in which a channel is at 250 of 255 or above, 0 to 1.</param>
/// <param name="BlankShare">Share of the 16 x 16 tiles in which the brightness spans at most 4 grey levels, 0 to 1.</param>
/// <param name="Likeness">How much colours, edges and structure are those of dermoscopy, 0 to 1 (<see cref="DermoscopyLikeness"/>), rounded to four
/// decimals.</param>
/// <param name="Flags">What <see cref="QualityLimits"/> make of it.</param>
public readonly record struct ImageQuality(double Sharpness, double Highlights, double BurntShare, double BlankShare, double Likeness, QualityFlags Flags)
{
    internal static ImageQuality Of(in PictureScan scan, in ImageHeader header)
    {
        var quality = new ImageQuality(
            scan.Energies.Fine / Math.Sqrt(scan.Energies.Coarse + 1),
            scan.Highlights / 255.0,
            scan.Burnt / (double)PictureScan.Cells,
            scan.BlankTiles / (double)PictureScan.Tiles,
            Math.Round(DermoscopyLikeness.Of(scan), 4),
            QualityFlags.None);
        return quality with { Flags = quality.Judge(Math.Min(header.Width, header.Height)) };
    }

    private QualityFlags Judge(int shorterSide) =>
        (shorterSide < QualityLimits.MinSide ? QualityFlags.TooSmall : 0)
        | (Sharpness < QualityLimits.MinSharpness ? QualityFlags.Blurred : 0)
        | (Highlights < QualityLimits.MinHighlights ? QualityFlags.Underexposed : 0)
        | (BurntShare > QualityLimits.MaxBurntShare ? QualityFlags.Overexposed : 0)
        | (BlankShare > QualityLimits.MaxBlankShare ? QualityFlags.Blank : 0)
        | (Likeness < QualityLimits.MinLikeness ? QualityFlags.NotDermoscopic : 0);
}
