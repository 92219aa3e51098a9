using System.Globalization;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Loop;

/// <summary>The epoch that did best on validation so far, with its weights, and how long ago it was.</summary>
/// <param name="patience">Epochs without a better one after which training ends.</param>
internal sealed class BestEpoch(int patience)
{
    private double _score = double.NegativeInfinity;
    private int _since;

    /// <summary>The best epoch's weights; null before the first.</summary>
    public IReadOnlyDictionary<string, Weight>? Weights { get; private set; }

    public bool IsOutOfPatience => _since >= patience;

    /// <param name="score">The epoch's balanced accuracy on validation.</param>
    public void EndEpoch(double score, Network network)
    {
        if (score > _score)
        {
            (_score, _since, Weights) = (score, 0, network.Weights());
        }
        else
        {
            _since++;
        }
    }

    public void Save(IDictionary<string, string> state)
    {
        state["best.score"] = _score.ToString("R", CultureInfo.InvariantCulture);
        state["best.since"] = _since.ToString(CultureInfo.InvariantCulture);
    }

    public void Load(IReadOnlyDictionary<string, string> state, IReadOnlyDictionary<string, Weight> weights)
    {
        _score = double.Parse(state["best.score"], CultureInfo.InvariantCulture);
        _since = int.Parse(state["best.since"], CultureInfo.InvariantCulture);
        Weights = weights.Count == 0 ? null : weights;
    }
}
