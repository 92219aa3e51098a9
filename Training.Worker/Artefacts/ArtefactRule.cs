using System.Globalization;
using Melanoma.Contracts.Models;

namespace Melanoma.Training.Artefacts;

/// <summary>Which file of a version answers.</summary>
internal static class ArtefactRule
{
    /// <summary>How many times as fast eight bits must be, so that it is no accident of measuring.</summary>
    public const double LeastSpeedUp = 1.1;

    /// <summary>How much lower a share on validation may be in eight bits.</summary>
    public const double LargestLoss = 0.005;

    /// <summary>The same for specificity, which pays for it that each file's thresholds keep the same share of the melanomas.</summary>
    public const double LargestLossOfSpecificity = 0.02;

    /// <summary>Eight bits answer where they are faster and lose little on validation, each file judged by its own thresholds.</summary>
    /// <param name="precise">The file in full precision; timed.</param>
    /// <param name="bits">The one of eight bits; timed.</param>
    public static (string Serves, string Reason) Decide(ArtefactFigures precise, ArtefactFigures bits)
    {
        var speedUp = precise.Milliseconds!.Value / bits.Milliseconds!.Value;
        var (one, other) = (precise.Validation, bits.Validation);
        (string Name, double? Precise, double? Bits, double Limit)[] shares =
        [
            ("balanced accuracy", one.BalancedAccuracy, other.BalancedAccuracy, LargestLoss),
            ("melanoma AUC", one.MelanomaAuc, other.MelanomaAuc, LargestLoss),
            ("sensitivity at its threshold for 95 %", one.SensitivityAtT95, other.SensitivityAtT95, LargestLoss),
            ("specificity there", one.SpecificityAtT95, other.SpecificityAtT95, LargestLossOfSpecificity),
            ("sensitivity at its threshold for 90 %", one.SensitivityAtT90, other.SensitivityAtT90, LargestLoss),
            ("specificity there", one.SpecificityAtT90, other.SpecificityAtT90, LargestLossOfSpecificity),
        ];
        var known = shares.Where(share => share is { Precise: not null, Bits: not null }).ToArray();
        var speed = string.Create(CultureInfo.InvariantCulture, $"{speedUp:0.00} times as fast as fp32 on one thread of the CPU");
        var lost = known.Where(share => share.Bits < share.Precise - share.Limit).Select(Words).ToList();
        string[] reasons =
        [
            .. speedUp < LeastSpeedUp ? [string.Create(CultureInfo.InvariantCulture, $"it is {speed}, less than {LeastSpeedUp:0.0} times")] : (string[])[],
            .. lost.Count > 0 ? [string.Create(CultureInfo.InvariantCulture, $"on validation it loses more than is let through in {string.Join(", ", lost)}")] : (string[])[],
        ];
        return reasons.Length > 0
            ? (ModelProperties.FullPrecision, $"fp32 answers. int8 does not: {string.Join("; ", reasons)}.")
            : (ModelProperties.EightBits, $"int8 answers: it is {speed}, and on validation nothing is lost beyond what is let through: {string.Join(", ", known.Select(Words))}.");

        static string Words((string Name, double? Precise, double? Bits, double Limit) share) =>
            string.Create(CultureInfo.InvariantCulture, $"{share.Name} {share.Bits:0.0000} against {share.Precise:0.0000}");
    }
}
