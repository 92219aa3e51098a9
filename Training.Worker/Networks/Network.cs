using static TorchSharp.torch;

namespace Melanoma.Training.Networks;

/// <summary>The TorchSharp side of a <see cref="NetworkDescription"/>: its weights as tensors, and the forward pass.</summary>
internal sealed class Network : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Tensor _scale;
    private readonly Tensor _offset;

    /// <summary>Starts with Keras' defaults: Glorot-uniform kernels, zero biases.</summary>
    public Network(NetworkDescription description, long seed, Device? device = null)
    {
        Description = description;
        Device = device ?? CPU;
        Slots = description.Slots();
        using var scope = NewDisposeScope();
        for (var index = 0; index < Slots.Count; index++)
        {
            var slot = Slots[index];
            _tensors[slot.Name] = Place(slot, new Weight(slot.Shape, InitialValues(slot, SplitMix64.At(seed, index))));
        }

        _scale = tensor(description.Normalization.Scale, [1, 3, 1, 1], device: Device).DetachFromDisposeScope();
        _offset = tensor(description.Normalization.Offset, [1, 3, 1, 1], device: Device).DetachFromDisposeScope();
    }

    public NetworkDescription Description { get; }

    public Device Device { get; }

    public IReadOnlyList<WeightSlot> Slots { get; }

    /// <summary>The tensors that training changes, in the order of <see cref="Slots"/>.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> Trained => [.. Slots.Where(slot => slot.IsTrained).Select(slot => (slot.Name, _tensors[slot.Name]))];

    /// <summary>Pictures [N,H,W,3] with pixels 0-255 (bytes or floats) to logits [N,9] and the embedding [N,D], the input of the last layer.</summary>
    public (Tensor Logits, Tensor Embedding) Forward(Tensor images, bool training)
    {
        var x = (images.to(Device).permute(0, 3, 1, 2).to(ScalarType.Float32) * _scale) + _offset;
        var last = Description.Layers.Length - 1;
        for (var index = 0; index < last; index++)
        {
            x = Apply(NetworkDescription.PathOf("", index), Description.Layers[index], x, training);
        }

        return (Apply(NetworkDescription.PathOf("", last), Description.Layers[last], x, training), x);
    }

    /// <summary>A copy of every weight and running statistic by its slot's name.</summary>
    public Dictionary<string, Weight> Weights()
    {
        return Slots.ToDictionary(slot => slot.Name, slot => new Weight(slot.Shape, Values(_tensors[slot.Name])));
    }

    /// <summary>Takes over every weight and running statistic.</summary>
    /// <exception cref="InvalidDataException">A slot is missing or has another shape.</exception>
    public void Load(IReadOnlyDictionary<string, Weight> weights)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var slot in Slots)
        {
            if (!weights.TryGetValue(slot.Name, out var weight) || !weight.Shape.AsSpan().SequenceEqual(slot.Shape))
            {
                throw new InvalidDataException($"The weights do not fit {Description.Name}: '{slot.Name}' must be [{string.Join(", ", slot.Shape)}].");
            }

            _tensors[slot.Name].copy_(tensor(weight.Values, weight.Shape));
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }

        _scale.Dispose();
        _offset.Dispose();
    }

    internal static float[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return [.. tensor.detach().to(ScalarType.Float32).cpu().contiguous().data<float>()];
    }

    /// <summary>A leaf tensor; kernels lie channels-last, which the CPU's convolutions like best.</summary>
    private Tensor Place(WeightSlot slot, Weight weight)
    {
        using var quiet = no_grad();
        var plain = tensor(weight.Values, weight.Shape);
        var placed = slot.Shape is [_, var channels, var height, var width]
            ? empty_strided(slot.Shape, [channels * height * width, 1, width * channels, channels], ScalarType.Float32, Device)
            : empty(slot.Shape, ScalarType.Float32, Device);
        placed.copy_(plain);
        placed.requires_grad = slot.IsTrained;
        return placed.DetachFromDisposeScope();
    }

    private static float[] InitialValues(WeightSlot slot, SplitMix64 random)
    {
        var values = new float[slot.Count];
        switch (slot.Role)
        {
            case WeightRole.Kernel:
                // Glorot and Bengio 2010: uniform within sqrt(6 / (fan in + fan out)).
                var field = slot.Shape.Skip(2).Aggregate(1L, (product, side) => product * side);
                var limit = Math.Sqrt(6.0 / (field * (slot.Shape[0] + slot.Shape[1])));
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = random.Between(-limit, limit);
                }

                break;
            case WeightRole.DepthwiseKernel:
                // Each output place depends on one channel, so both fans are the size of the kernel.
                var reach = Math.Sqrt(3.0 / (slot.Shape[2] * slot.Shape[3]));
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = random.Between(-reach, reach);
                }

                break;
            case WeightRole.Scale or WeightRole.RunningVariance:
                Array.Fill(values, 1);
                break;
            default:
                break;
        }

        return values;
    }

    private Tensor Apply(string path, Layer layer, Tensor x, bool training)
    {
        Tensor Own(string role) => _tensors[$"{path}.{role}"];
        return layer switch
        {
            KernelLayer c => Convolve(c, x, Own("weight"), c.Bias ? Own("bias") : null),
            BatchNormalization b => nn.functional.batch_norm(x, Own("running_mean"), Own("running_var"), Own("weight"), Own("bias"), training, b.Momentum, b.Epsilon),
            Relu => nn.functional.relu(x),
            Relu6 => nn.functional.relu6(x),
            Residual r => x + r.Layers.Index().Aggregate(x, (y, inner) => Apply(NetworkDescription.PathOf($"{path}.", inner.Index), inner.Item, y, training)),
            MaxPool p => nn.functional.max_pool2d(x, p.Size),
            Dropout d => training ? nn.functional.dropout(x, d.Rate, training: true) : x,
            Flatten => x.flatten(1),
            GlobalAveragePool => x.mean([2, 3]),
            Dense => nn.functional.linear(x, Own("weight"), Own("bias")),
            _ => throw new NotSupportedException($"{layer} has no TorchSharp form."),
        };
    }

    private static Tensor Convolve(KernelLayer layer, Tensor x, Tensor weight, Tensor? bias)
    {
        var (top, bottom) = FeatureShape.PaddingOf(layer, (int)x.shape[2]);
        var (left, right) = FeatureShape.PaddingOf(layer, (int)x.shape[3]);
        var groups = layer is DepthwiseConvolution ? x.shape[1] : 1;
        if (top == bottom && left == right)
        {
            return nn.functional.conv2d(x, weight, bias, strides: [layer.Stride, layer.Stride], padding: [top, left], groups: groups);
        }

        var padded = nn.functional.pad(x, [left, right, top, bottom]);
        return nn.functional.conv2d(padded, weight, bias, strides: [layer.Stride, layer.Stride], groups: groups);
    }
}
