using System.Collections.Immutable;
using static TorchSharp.torch;

namespace Melanoma.Training.Networks;

/// <summary>
/// The TorchSharp side of a <see cref="NetworkDescription"/>: its weights, and the forward pass. Weights lie one behind another in three long tensors, so that
/// the optimiser, the average and the cast to half precision take a few operations for all of them. Kernels lie channels-last, which convolutions like best.
/// </summary>
internal sealed class Network : IDisposable
{
    private readonly Place[] _places;
    private readonly long[] _kernelSizes;
    private readonly long[] _otherSizes;
    private readonly Dictionary<string, Tensor> _statistics = [];
    private readonly Tensor _allStatistics;
    private readonly Tensor _scale;
    private readonly Tensor _offset;

    /// <summary>Starts with Keras' defaults: Glorot-uniform kernels, zero biases.</summary>
    public Network(NetworkDescription description, long seed, Device? device = null)
    {
        Description = description;
        Device = device ?? CPU;
        Slots = description.Slots();
        _places = [.. Places(Slots)];
        _kernelSizes = SizesOf(Part.Kernels);
        _otherSizes = SizesOf(Part.Others);
        using var scope = NewDisposeScope();
        Kernels = New(_kernelSizes.Sum()).DetachFromDisposeScope();
        Others = New(_otherSizes.Sum()).DetachFromDisposeScope();
        _allStatistics = New(SizesOf(Part.Statistics).Sum()).DetachFromDisposeScope();
        foreach (var place in _places.Where(place => place.Part == Part.Statistics))
        {
            _statistics[place.Slot.Name] = _allStatistics.narrow(0, place.Offset, place.Slot.Count).DetachFromDisposeScope();
        }

        Load(Slots.Index().ToDictionary(slot => slot.Item.Name, slot => new Weight(slot.Item.Shape, InitialValues(slot.Item, SplitMix64.At(seed, slot.Index)))));
        Kernels.requires_grad = true;
        Others.requires_grad = true;
        _scale = tensor(description.Normalization.Scale, [1, 3, 1, 1], device: Device).DetachFromDisposeScope();
        _offset = tensor(description.Normalization.Offset, [1, 3, 1, 1], device: Device).DetachFromDisposeScope();
    }

    private enum Part
    {
        Kernels,
        Others,
        Statistics,
    }

    public NetworkDescription Description { get; }

    public Device Device { get; }

    public IReadOnlyList<WeightSlot> Slots { get; }

    /// <summary>All kernels, one behind another: what weight decay is for.</summary>
    public Tensor Kernels { get; }

    /// <summary>All biases and scales, one behind another.</summary>
    public Tensor Others { get; }

    /// <summary>Pictures [N,H,W,3] with pixels 0-255 (bytes or floats) to logits [N,9] and the embedding [N,D], the input of the last layer.</summary>
    /// <param name="training">Whether batch statistics and dropout are at work.</param>
    /// <param name="precision">What convolutions calculate in; the rest and the answers are of single precision.</param>
    public (Tensor Logits, Tensor Embedding) Forward(Tensor images, bool training, ScalarType precision = ScalarType.Float32)
    {
        var pass = new Pass(WeightsByName(precision), training);
        var x = ((images.to(Device).permute(0, 3, 1, 2).to(ScalarType.Float32) * _scale) + _offset).to(precision);
        var embedding = Apply(pass, "", Description.Layers[..^1], x);
        return (Apply(pass, NetworkDescription.PathOf("", Description.Layers.Length - 1), Description.Layers[^1], embedding), embedding);
    }

    /// <summary>A copy of every weight and running statistic by its slot's name.</summary>
    public Dictionary<string, Weight> Weights()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return _places.ToDictionary(place => place.Slot.Name, place => new Weight(place.Slot.Shape, Values(Shaped(place.Slot, ViewOf(place)))));
    }

    /// <summary>Takes over every weight and running statistic.</summary>
    /// <exception cref="InvalidDataException">A slot is missing or has another shape.</exception>
    public void Load(IReadOnlyDictionary<string, Weight> weights)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var place in _places)
        {
            var slot = place.Slot;
            if (!weights.TryGetValue(slot.Name, out var weight) || !weight.Shape.AsSpan().SequenceEqual(slot.Shape))
            {
                throw new InvalidDataException($"The weights do not fit {Description.Name}: '{slot.Name}' must be [{string.Join(", ", slot.Shape)}].");
            }

            Shaped(slot, ViewOf(place)).copy_(tensor(weight.Values, weight.Shape));
        }
    }

    /// <summary>Moves every weight and statistic a little towards those of another network of the same description.</summary>
    /// <param name="share">How much of the way, 0 to 1.</param>
    public void MoveTowards(Network other, double share)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Kernels.lerp_(other.Kernels, share);
        Others.lerp_(other.Others, share);
        _allStatistics.lerp_(other._allStatistics, share);
    }

    public void Dispose()
    {
        foreach (var tensor in _statistics.Values)
        {
            tensor.Dispose();
        }

        Kernels.Dispose();
        Others.Dispose();
        _allStatistics.Dispose();
        _scale.Dispose();
        _offset.Dispose();
    }

    internal static float[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return [.. tensor.detach().to(ScalarType.Float32).cpu().contiguous().data<float>()];
    }

    private static IEnumerable<Place> Places(IReadOnlyList<WeightSlot> slots)
    {
        var ends = new long[3];
        foreach (var slot in slots)
        {
            var part = slot.Role switch
            {
                WeightRole.Kernel or WeightRole.DepthwiseKernel => Part.Kernels,
                WeightRole.RunningMean or WeightRole.RunningVariance => Part.Statistics,
                _ => Part.Others,
            };
            yield return new Place(slot, part, ends[(int)part]);
            ends[(int)part] += slot.Count;
        }
    }

    /// <summary>A slot's stretch in the shape of the slot; kernels of convolutions lie channels-last.</summary>
    private static Tensor Shaped(WeightSlot slot, Tensor stretch) => slot.Shape is [var filters, var channels, var height, var width]
        ? stretch.view(filters, height, width, channels).permute(0, 3, 1, 2)
        : stretch.view(slot.Shape);

    private long[] SizesOf(Part part) => [.. _places.Where(place => place.Part == part).Select(place => place.Slot.Count)];

    private Tensor New(long count) => empty(count, ScalarType.Float32, Device);

    private Tensor ViewOf(Place place) => (place.Part switch
    {
        Part.Kernels => Kernels,
        Part.Others => Others,
        _ => _allStatistics,
    }).narrow(0, place.Offset, place.Slot.Count);

    /// <summary>Every trained weight by its slot's name. One split of the long tensors, so that their gradients come back in one piece too.</summary>
    private Dictionary<string, Tensor> WeightsByName(ScalarType precision)
    {
        var weights = new Dictionary<string, Tensor>();
        Add(Part.Others, Others, _otherSizes, _ => true);
        Add(Part.Kernels, Kernels.to(precision), _kernelSizes, slot => precision == ScalarType.Float32 || slot.Shape.Length == 4);
        if (precision != ScalarType.Float32)
        {
            Add(Part.Kernels, Kernels, _kernelSizes, slot => slot.Shape.Length != 4);
        }

        return weights;

        void Add(Part part, Tensor all, long[] sizes, Func<WeightSlot, bool> wanted)
        {
            foreach (var (place, stretch) in _places.Where(place => place.Part == part).Zip(all.split(sizes)).Where(pair => wanted(pair.First.Slot)))
            {
                weights[place.Slot.Name] = Shaped(place.Slot, stretch);
            }
        }
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

    private Tensor Apply(Pass pass, string prefix, ImmutableArray<Layer> layers, Tensor x) =>
        layers.Index().Aggregate(x, (y, inner) => Apply(pass, NetworkDescription.PathOf(prefix, inner.Index), inner.Item, y));

    private Tensor Apply(Pass pass, string path, Layer layer, Tensor x)
    {
        Tensor Own(string role) => pass.Weights[$"{path}.{role}"];
        return layer switch
        {
            KernelLayer c => Convolve(c, x, Own("weight"), c.Bias ? Own("bias").to(x.dtype) : null),
            BatchNormalization b => nn.functional.batch_norm(
                x, _statistics[$"{path}.running_mean"], _statistics[$"{path}.running_var"], Own("weight"), Own("bias"), pass.Training, b.Momentum, b.Epsilon),
            Relu => nn.functional.relu(x),
            Relu6 => nn.functional.relu6(x),
            Residual r => Apply(pass, NetworkDescription.ShortcutOf(path), r.Shortcut, x) + Kept(pass, r, Apply(pass, $"{path}.", r.Layers, x)),
            MaxPool p => nn.functional.max_pool2d(x, p.Size, p.Stride, p.Edge),
            Dropout d => pass.Training ? nn.functional.dropout(x, d.Rate, training: true) : x,
            Flatten => x.to(ScalarType.Float32).flatten(1),
            GlobalAveragePool => x.to(ScalarType.Float32).mean([2, 3]),
            Dense => nn.functional.linear(x, Own("weight"), Own("bias")),
            _ => throw new NotSupportedException($"{layer} has no TorchSharp form."),
        };
    }

    /// <summary>What a residual block adds, without the pictures for which it is left out.</summary>
    private static Tensor Kept(Pass pass, Residual block, Tensor x) => pass.Training && block.DropRate > 0
        ? x * nn.functional.dropout(ones([x.shape[0], 1, 1, 1], x.dtype, x.device), block.DropRate, training: true)
        : x;

    private static Tensor Convolve(KernelLayer layer, Tensor x, Tensor weight, Tensor? bias)
    {
        if (layer is DepthwiseConvolution && x.device.type != TorchSharp.DeviceType.CPU && x.dtype == ScalarType.Float32)
        {
            // cuDNN has no fast kernels for these in single precision when channels lie last; PyTorch's own want them first.
            (x, weight) = (x.contiguous(), weight.contiguous());
        }

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

    /// <summary>Where a slot's numbers lie.</summary>
    private readonly record struct Place(WeightSlot Slot, Part Part, long Offset);

    /// <summary>What all layers of one forward pass share.</summary>
    private readonly record struct Pass(IReadOnlyDictionary<string, Tensor> Weights, bool Training);
}
