namespace Melanoma.Contracts.Models;

/// <summary>What is advised of a picture. The numbers are those of the database and of <c>melanoma.v1.Decision</c>.</summary>
public enum Decision
{
    /// <summary>At or above <see cref="OperatingPoints.T90"/>.</summary>
    Refer = 1,

    /// <summary>Between the thresholds.</summary>
    Review = 2,

    /// <summary>Below <see cref="OperatingPoints.T95"/>.</summary>
    LowRisk = 3,

    /// <summary>The picture deserves no decision.</summary>
    Indeterminate = 4,
}

/// <summary>The one rule by which a melanoma probability becomes a decision.</summary>
public static class DecisionRule
{
    /// <summary>Digits behind the point of a distance that decide.</summary>
    private const int DistanceDigits = 2;

    /// <param name="melanoma">The melanoma probability, 0 to 1; rounded as decisions see it.</param>
    /// <param name="points">The version's thresholds.</param>
    public static Decision Decide(double melanoma, OperatingPoints points)
    {
        ArgumentNullException.ThrowIfNull(points);
        var rounded = DiagnosisRule.Round(melanoma);
        return rounded >= points.T90 ? Decision.Refer : rounded >= points.T95 ? Decision.Review : Decision.LowRisk;
    }

    /// <summary>Whether a picture is too far from those that a model was trained on. Distances are rounded to two decimals first, so that the same picture is judged the same for ever.</summary>
    /// <param name="distance">As the graph gives it.</param>
    /// <param name="limit">The model's limit.</param>
    public static bool IsUnfamiliar(double distance, double limit) => !(Math.Round(distance, DistanceDigits, MidpointRounding.AwayFromZero) <= limit);
}
