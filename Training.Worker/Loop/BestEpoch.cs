using System.Globalization;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Loop;

/// <summary>The epoch that did best on validation so far, with its weights, and how long ago it was.</summary>
/// <param name="patience">Epochs without a better one after which training ends.</param>
internal sealed class BestEpoch(int patience)
{
    private double _score = double.NegativeInfinity;

    /// <summary>The best epoch's weights; null before the first.</summary>
    public IReadOnlyDictionary<string, Weight>? Weights { get; private set; }

    /// <summary>Epochs since the best one.</summary>
    public int Since { get; private set; }

    public bool IsOutOfPatience => Since >= patience;

    /// <param name="score">The epoch's balanced accuracy on validation.</param>
    public void EndEpoch(double score, Network network)
    {
        if (score > _score)
        {
            (_score, Since, Weights) = (score, 0, network.Weights());
        }
        else
        {
            Since++;
        }
    }

    public void Save(IDictionary<string, string> state)
    {
        state["best.score"] = _score.ToString("R", CultureInfo.InvariantCulture);
        state["best.since"] = Since.ToString(CultureInfo.InvariantCulture);
    }

    public void Load(IReadOnlyDictionary<string, string> state, IReadOnlyDictionary<string, Weight> weights)
    {
        _score = double.Parse(state["best.score"], CultureInfo.InvariantCulture);
        Since = int.Parse(state["best.since"], CultureInfo.InvariantCulture);
        Weights = weights.Count == 0 ? null : weights;
    }
}
