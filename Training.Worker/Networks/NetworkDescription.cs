using System.Collections.Immutable;
using Melanoma.Contracts;

namespace Melanoma.Training.Networks;

/// <summary>
/// A network as data. The module that trains (<see cref="Network"/>) and the graph that serves
/// (<see cref="Onnx.OnnxExporter"/>) are both made from it.
/// </summary>
/// <param name="InputSize">Height and width of the square pictures, in pixels.</param>
/// <param name="Normalization">What happens to pixels 0-255 before the first layer.</param>
/// <param name="Layers">First to last; the last is <see cref="Dense"/> with one unit per diagnosis, and gives the logits.</param>
internal sealed record NetworkDescription(string Name, int InputSize, Normalization Normalization, ImmutableArray<Layer> Layers)
{
    public FeatureShape Input => new(3, InputSize, InputSize);

    /// <summary>Whether a class activation map can be had: global average pooling, then at most dropout, then the last layer.</summary>
    public bool HasActivationMap => Layers.SkipLast(1).LastOrDefault(layer => layer is not Dropout) is GlobalAveragePool;

    /// <summary>How many numbers training changes.</summary>
    public long ParameterCount => Slots().Where(slot => slot.IsTrained).Sum(slot => slot.Count);

    /// <summary>Every place for weights, in the order of the layers.</summary>
    /// <exception cref="InvalidOperationException">The layers do not fit together, or the last is not one unit per diagnosis.</exception>
    public IReadOnlyList<WeightSlot> Slots()
    {
        if (Layers is not [.., Dense { Units: Diagnoses.Count }])
        {
            throw new InvalidOperationException($"The last layer of {Name} must be Dense({Diagnoses.Count}).");
        }

        var slots = new List<WeightSlot>();
        var shape = Input;
        for (var index = 0; index < Layers.Length; index++)
        {
            slots.AddRange(SlotsOf(index, shape));
            shape = shape.Behind(Layers[index]);
        }

        return slots;
    }

    private IEnumerable<WeightSlot> SlotsOf(int index, FeatureShape input)
    {
        switch (Layers[index])
        {
            case Convolution c:
                yield return new($"{index}.weight", [c.Filters, input.Channels, c.Kernel, c.Kernel], WeightRole.Kernel);
                if (c.Bias)
                {
                    yield return new($"{index}.bias", [c.Filters], WeightRole.Bias);
                }

                break;
            case BatchNormalization when index > 0 && Layers[index - 1] is Convolution:
                yield return new($"{index}.weight", [input.Channels], WeightRole.Scale);
                yield return new($"{index}.bias", [input.Channels], WeightRole.Bias);
                yield return new($"{index}.running_mean", [input.Channels], WeightRole.RunningMean);
                yield return new($"{index}.running_var", [input.Channels], WeightRole.RunningVariance);
                break;
            case BatchNormalization:
                throw new InvalidOperationException($"Layer {index} of {Name}: batch normalisation must stand directly behind a convolution.");
            case Dense d:
                yield return new($"{index}.weight", [d.Units, input.Channels], WeightRole.Kernel);
                yield return new($"{index}.bias", [d.Units], WeightRole.Bias);
                break;
            default:
                break;
        }
    }
}

/// <summary>Pixels 0-255 become pixel * <paramref name="Scale"/> + <paramref name="Offset"/>, per channel (red, green, blue).</summary>
internal sealed record Normalization(float[] Scale, float[] Offset)
{
    /// <summary>0-255 becomes 0-1.</summary>
    public static Normalization ZeroToOne { get; } = new([1 / 255f, 1 / 255f, 1 / 255f], [0, 0, 0]);

    /// <summary>0-255 becomes -1 to 1.</summary>
    public static Normalization MinusOneToOne { get; } = new([2 / 255f, 2 / 255f, 2 / 255f], [-1, -1, -1]);
}
