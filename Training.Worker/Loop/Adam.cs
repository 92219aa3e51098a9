using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>The optimiser, with moments that can be taken out and put back.</summary>
internal sealed class Adam : IDisposable
{
    private readonly AdamSettings _settings;
    private readonly (string Name, Tensor Weight, bool Decays, Tensor First, Tensor Second)[] _slots;

    /// <param name="weights">What is trained; <c>Decays</c> says whether weight decay applies.</param>
    public Adam(AdamSettings settings, IEnumerable<(string Name, Tensor Tensor, bool Decays)> weights)
    {
        using var quiet = no_grad();
        _settings = settings;
        _slots =
        [
            .. weights.Select(weight => (
                weight.Name, weight.Tensor, weight.Decays, zeros_like(weight.Tensor).DetachFromDisposeScope(), zeros_like(weight.Tensor).DetachFromDisposeScope())),
        ];
    }

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; set; }

    /// <summary>One step against the gradients, which stand in the order of the weights.</summary>
    public void Step(IReadOnlyList<Tensor> gradients, double learningRate)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        Steps++;
        var rate = learningRate * Math.Sqrt(1 - Math.Pow(_settings.Beta2, Steps)) / (1 - Math.Pow(_settings.Beta1, Steps));
        var clipping = Clipping(gradients);
        for (var i = 0; i < _slots.Length; i++)
        {
            var (_, weight, decays, first, second) = _slots[i];
            var gradient = clipping is null ? gradients[i] : gradients[i] * clipping;
            if (decays && _settings.WeightDecay > 0)
            {
                weight.mul_(1 - (learningRate * _settings.WeightDecay));
            }

            first.mul_(_settings.Beta1).add_(gradient, alpha: 1 - _settings.Beta1);
            second.mul_(_settings.Beta2).addcmul_(gradient, gradient, 1 - _settings.Beta2);
            weight.addcdiv_(first, second.sqrt().add_(_settings.Epsilon), -rate);
        }
    }

    public IEnumerable<KeyValuePair<string, Weight>> Moments()
    {
        foreach (var (name, weight, _, first, second) in _slots)
        {
            yield return new($"adam.first.{name}", new Weight(weight.shape, Network.Values(first)));
            yield return new($"adam.second.{name}", new Weight(weight.shape, Network.Values(second)));
        }
    }

    /// <exception cref="InvalidDataException">A moment is missing.</exception>
    public void Load(IReadOnlyDictionary<string, Weight> moments)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, _, _, first, second) in _slots)
        {
            first.copy_(Take($"adam.first.{name}"));
            second.copy_(Take($"adam.second.{name}"));
        }

        Tensor Take(string name) => moments.TryGetValue(name, out var moment)
            ? tensor(moment.Values, moment.Shape)
            : throw new InvalidDataException($"The checkpoint has no '{name}'.");
    }

    public void Dispose()
    {
        foreach (var (_, _, _, first, second) in _slots)
        {
            first.Dispose();
            second.Dispose();
        }
    }

    /// <summary>What all gradients are multiplied by, so that their common norm is at most the largest allowed; null where none is.</summary>
    private Tensor? Clipping(IReadOnlyList<Tensor> gradients)
    {
        if (_settings.LargestNorm is not { } largest)
        {
            return null;
        }

        var norm = gradients.Select(gradient => gradient.square().sum()).Aggregate((sum, next) => sum + next).sqrt();
        return (largest / (norm + 1e-6)).clamp_max(1);
    }
}
