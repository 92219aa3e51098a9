using System.Globalization;

namespace Melanoma.Imaging;

/// <summary>One flag in words.</summary>
/// <param name="Flag">A single flag.</param>
/// <param name="Sentence">Why it was raised, with the figure and the limit; English.</param>
public readonly record struct QualityFinding(QualityFlags Flag, string Sentence)
{
    /// <summary>The flags of a picture in words, in the order of <see cref="QualityFlags"/>.</summary>
    /// <param name="quality">What was measured.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <returns>One finding for each flag that is set.</returns>
    public static IReadOnlyList<QualityFinding> Of(ImageQuality quality, int width, int height)
    {
        var findings = new List<QualityFinding>();
        foreach (var flag in Enum.GetValues<QualityFlags>())
        {
            if (flag != QualityFlags.None && quality.Flags.HasFlag(flag))
                findings.Add(new(flag, Explain(flag, quality, width, height)));
        }

        return findings;
    }

    private static string Explain(QualityFlags flag, in ImageQuality quality, int width, int height) => flag switch
    {
        QualityFlags.TooSmall => $"Too small: {width} x {height} pixels; the shorter side should have {QualityLimits.MinSide} or more.",
        QualityFlags.Blurred => Say($"Blurred: sharpness {quality.Sharpness:0.00}; {QualityLimits.MinSharpness:0.00} or more is expected."),
        QualityFlags.Underexposed => Say(
            $"Under-exposed: nine tenths of it are below {quality.Highlights:P0} brightness; {QualityLimits.MinHighlights:P0} or more is expected."),
        QualityFlags.Overexposed => Say(
            $"Over-exposed: a colour is burnt out in {quality.BurntShare:P0} of it; at most {QualityLimits.MaxBurntShare:P0} is expected."),
        QualityFlags.Blank => Say($"Mostly blank: {quality.BlankShare:P0} of it shows nothing; at most {QualityLimits.MaxBlankShare:P0} is expected."),
        _ => Say(
            $"Not like dermoscopy in colours, edges and structure: likeness {quality.Likeness:0.00}; {QualityLimits.MinLikeness:0.00} or more is expected."),
    };

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
