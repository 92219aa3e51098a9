using System.Globalization;
using Melanoma.Training.Recipes;

namespace Melanoma.Training.Loop;

/// <summary>Where a learning-rate schedule stands; it can be written down and taken up again.</summary>
internal sealed class Schedule(LearningRateSchedule rules, double baseRate, int epochs)
{
    /// <summary>Least gain of validation accuracy that counts (Keras' min_delta).</summary>
    private const double LeastGain = 1e-4;

    private double _reduction = 1;
    private double _best = double.NegativeInfinity;
    private int _wait;

    /// <summary>The learning rate of a step.</summary>
    /// <param name="epoch">Counted from 0.</param>
    /// <param name="fraction">Position within the epoch, 0 to 1.</param>
    public double RateAt(int epoch, double fraction)
    {
        if (rules is not WarmUpThenCosine cosine)
        {
            return baseRate * _reduction;
        }

        var at = epoch + fraction;
        var warmUp = Math.Min(cosine.WarmUpEpochs, epochs / 2.0);
        return at < warmUp
            ? baseRate * (at + 0.01) / (warmUp + 0.01)
            : baseRate * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, (at - warmUp) / Math.Max(1e-9, epochs - warmUp))));
    }

    /// <summary>Takes note of an epoch's validation accuracy.</summary>
    public void EndEpoch(double validationAccuracy)
    {
        if (rules is not ReduceOnPlateau plateau)
        {
            return;
        }

        if (validationAccuracy > _best + LeastGain)
        {
            (_best, _wait) = (validationAccuracy, 0);
        }
        else if (++_wait >= plateau.Patience)
        {
            _reduction = Math.Max(_reduction * plateau.Factor, plateau.Minimum / baseRate);
            _wait = 0;
        }
    }

    public void Save(IDictionary<string, string> state)
    {
        state["schedule.reduction"] = _reduction.ToString("R", CultureInfo.InvariantCulture);
        state["schedule.best"] = _best.ToString("R", CultureInfo.InvariantCulture);
        state["schedule.wait"] = _wait.ToString(CultureInfo.InvariantCulture);
    }

    public void Load(IReadOnlyDictionary<string, string> state)
    {
        _reduction = double.Parse(state["schedule.reduction"], CultureInfo.InvariantCulture);
        _best = double.Parse(state["schedule.best"], CultureInfo.InvariantCulture);
        _wait = int.Parse(state["schedule.wait"], CultureInfo.InvariantCulture);
    }
}
