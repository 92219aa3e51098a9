namespace Melanoma.Imaging;

/// <summary>
/// Whether a picture could be dermoscopy at all: a logistic regression over eleven shares and energies. It knows colours and texture, not lesions, and
/// close-up photographs of skin pass it.
/// Fitted on one half (by lesion) of the real pictures against photographs, documents, screenshots, textures, sky charts and cut-out objects;
/// <c>docs/data-quality.md</c> has the rates on the others.
/// </summary>
internal static class DermoscopyLikeness
{
    public static double Of(in PictureScan scan)
    {
        double lit = Math.Max(1, PictureScan.Cells - scan.Dark);
        const double Cells = PictureScan.Cells;
        var margin = 7.11
            + (2.03 * scan.Skin / lit)
            + (2.60 * scan.White / Cells)
            - (15.4 * scan.Dark / Cells)
            - (5.94 * scan.Neutral / lit)
            - (7.42 * scan.Foreign / lit)
            - (31.1 * scan.Edges / PictureScan.Steps)
            - (0.965 * Math.Log(scan.Energies.Fine + 1))
            - (0.162 * Math.Log(scan.Energies.Middle + 1))
            - (1.57 * Math.Log(scan.Energies.Coarse + 1))
            + (1.58 * Math.Log(scan.Energies.Coarsest + 1))
            - (8.76 * scan.BlankTiles / PictureScan.Tiles);
        return 1 / (1 + Math.Exp(-margin));
    }
}
