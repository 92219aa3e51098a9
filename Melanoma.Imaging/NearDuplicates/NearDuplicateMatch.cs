using System.Globalization;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>What a comparison of two pictures found.</summary>
/// <param name="IsMatch">Whether they are the same photograph.</param>
/// <param name="Similarity">Correlation of their fine structure in the best position, -1 to 1; 0 where they are too unlike from afar to be laid on each other.</param>
/// <param name="Mirrored">Whether the first is the second mirrored left to right (before the turn).</param>
/// <param name="Turn">By how many degrees clockwise the second was turned to give the first: 0, 90, 180 or 270.</param>
/// <param name="WidthShare">Part of the second that the first shows, along the first's width; above 1 where the second is the part.</param>
/// <param name="HeightShare">The same along the first's height.</param>
public sealed record NearDuplicateMatch(bool IsMatch, double Similarity, bool Mirrored, int Turn, double WidthShare, double HeightShare)
{
    // A stretch is fitted to about a hundredth of a side.
    private const double CropTolerance = 0.025;

    internal static NearDuplicateMatch None { get; } = new(false, 0, false, 0, 1, 1);

    /// <summary>How the first came from the second, in words, such as "mirrored, turned by 90 degrees, cropped to 90 % x 90 %"; "as it is" where nothing was done but scaling and compression.</summary>
    public string Transform
    {
        get
        {
            if (!IsMatch)
                return "no match";
            var parts = new List<string>();
            if (Mirrored)
                parts.Add("mirrored");
            if (Turn != 0)
                parts.Add($"turned by {Turn.ToString(CultureInfo.InvariantCulture)} degrees");
            if (WidthShare < 1 - CropTolerance || HeightShare < 1 - CropTolerance)
                parts.Add($"cropped to {Percent(WidthShare)} x {Percent(HeightShare)}");
            if (WidthShare > 1 + CropTolerance || HeightShare > 1 + CropTolerance)
                parts.Add($"the other one cropped to {Percent(1 / WidthShare)} x {Percent(1 / HeightShare)}");
            return parts.Count == 0 ? "as it is" : string.Join(", ", parts);
        }
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{Math.Min(100, share * 100):0} %");
}
