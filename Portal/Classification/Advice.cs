using Melanoma.Contracts.V1;

namespace Melanoma.Portal.Classification;

/// <summary>A decision in plain words.</summary>
internal static class Advice
{
    public static string Of(Decision decision) => decision switch
    {
        Decision.Refer => "Refer: at this probability nine in ten melanomas of the validation pictures were found.",
        Decision.Review => "Review: have somebody look at it; between the thresholds for 90 and 95 % of melanomas.",
        Decision.LowRisk => "Low risk: below the threshold that keeps 95 % of melanomas.",
        Decision.Indeterminate => "No decision: this picture does not deserve one.",
        _ => "No decision was given.",
    };
}
