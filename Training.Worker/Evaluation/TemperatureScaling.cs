using Melanoma.Training.Images;
using Melanoma.Training.Onnx;

namespace Melanoma.Training.Evaluation;

/// <summary>Fits the one number that makes probabilities honest (Guo et al. 2017).</summary>
internal static class TemperatureScaling
{
    /// <summary>A validation split without a single error must not make the model certain of everything.</summary>
    private const double Lowest = 0.5;

    private const double Highest = 20;
    private const double Golden = 0.6180339887498949;

    /// <summary>The temperature with the least validation loss, between 0.5 and 20; 1 without pictures to judge by.</summary>
    public static double Fit(OutputRule rule, IReadOnlyList<double> prior, float[] logits, IReadOnlyList<Sample> samples)
    {
        if (!samples.Any(sample => sample.Label.Count == 1))
        {
            return 1;
        }

        // The loss has one minimum in 1 / temperature, so a golden-section search over ln(temperature) finds it.
        var (low, high) = (Math.Log(Lowest), Math.Log(Highest));
        while (high - low > 1e-4)
        {
            var (left, right) = (high - (Golden * (high - low)), low + (Golden * (high - low)));
            (low, high) = Loss(left) <= Loss(right) ? (low, right) : (left, high);
        }

        return Math.Exp((low + high) / 2);

        double Loss(double logTemperature) => Judgement.Of(rule with { Temperature = Math.Exp(logTemperature) }, prior, logits, samples).Loss;
    }
}
