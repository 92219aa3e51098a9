using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Onnx.Format;
using DataType = Melanoma.Training.Onnx.Format.TensorProto.Types.DataType;

namespace Melanoma.Training.Onnx.Quantization;

/// <summary>
/// Rewrites a graph of <see cref="OnnxExporter"/> so that it calculates in eight bits (static quantisation, Jacob et al. 2018): activations are bytes with one scale
/// a tensor, weights signed bytes with one scale an output channel, biases 32-bit numbers. Inputs, outputs and their names stay. It is written with
/// QuantizeLinear and DequantizeLinear around the nodes, which ONNX Runtime fuses.
/// </summary>
internal static class QuantizedExporter
{
    /// <summary>
    /// The largest weight where kernels add products by pairs: processors without VNNI do so in 16 bits, and 255 x (64 + 64) is the most that these hold.
    /// With larger ones the answers would be wrong there, and differ from processor to processor.
    /// </summary>
    public const int LargestPairedWeight = 64;

    /// <summary>The largest weight of a depthwise convolution, whose products are added one by one in 32 bits.</summary>
    private const int LargestWeight = sbyte.MaxValue;

    /// <summary>The file's bytes, with the properties of the model, which says of itself that it is of eight bits.</summary>
    /// <param name="model">The file in full precision.</param>
    /// <param name="pictures">Training pictures, by which the ranges of the activations are measured.</param>
    /// <param name="places">The places of those that count; some <see cref="ActivationRanges.Pictures"/> will do.</param>
    /// <param name="rule">How a range follows from the values.</param>
    /// <param name="largestPairedWeight">Other than <see cref="LargestPairedWeight"/> to measure what it costs.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or no graph of <see cref="OnnxExporter"/> with an embedding.</exception>
    public static byte[] Quantize(
        byte[] model,
        ImageCache pictures,
        IReadOnlyCollection<int> places,
        RangeRule rule = RangeRule.LeastError,
        int largestPairedWeight = LargestPairedWeight,
        CancellationToken cancellationToken = default)
    {
        var precise = OnnxFile.Parse(model);
        var plan = new QuantizationPlan(precise.Graph);
        var scales = ActivationRanges.Measure(precise, plan.Measured, pictures, places, rule, cancellationToken);
        foreach (var (tensor, source) in plan.Passed)
        {
            scales[tensor] = scales[source];
        }

        var quantized = new Rewriting(precise, plan, scales, largestPairedWeight).ToProto();
        EmbeddingCorrection.Apply(quantized, precise, pictures, places);
        return quantized.ToByteArray();
    }

    private sealed class Rewriting(ModelProto precise, QuantizationPlan plan, Dictionary<string, ByteScale> scales, int largestPairedWeight)
    {
        private readonly Dictionary<string, TensorProto> _constants = precise.Graph.Initializer.ToDictionary(constant => constant.Name);
        private readonly Dictionary<string, NodeProto> _writers = precise.Graph.Node.ToDictionary(node => node.Output[0]);
        private readonly OnnxGraph _graph = new(precise.Graph);
        private readonly HashSet<string> _scaled = [];

        public ModelProto ToProto()
        {
            var pixels = plan.Measured.Select(FindPixels).FirstOrDefault(found => found is not null);
            var absorbed = plan.Absorbed.Values.ToHashSet();
            foreach (var node in precise.Graph.Node.Where(node => !absorbed.Contains(node)))
            {
                if (node == pixels?.Transpose)
                {
                    TakePixels(pixels);
                }
                else if (pixels is null || !pixels.Replaced.Contains(node))
                {
                    Write(node);
                }
            }

            foreach (var name in _graph.Needs.Where(_constants.ContainsKey).ToArray())
            {
                _graph.Copy(_constants[name]);
            }

            return _graph.ToProto(precise.MetadataProps
                .Where(property => property.Key != ModelProperties.PrecisionKey)
                .Select(property => KeyValuePair.Create(property.Key, property.Value))
                .Append(KeyValuePair.Create(ModelProperties.PrecisionKey, ModelProperties.EightBits)));
        }

        /// <summary>The normalisation of a tensor, where it is the same for all colours and takes a whole pixel value to 0: then pixels are its bytes already.</summary>
        private Pixels? FindPixels(string tensor) =>
            Writer(tensor, "Add") is { } add && Writer(add.Input[0], "Mul") is { } scaled && Writer(scaled.Input[0], "Transpose") is { } transpose
            && Writer(transpose.Input[0], "Cast") is { } cast && Same(scaled.Input[1]) is { } unit && Same(add.Input[1]) is { } offset
            && -offset / unit is var zero && zero is >= 0 and <= byte.MaxValue && Math.Abs(zero - Math.Round(zero)) < 1e-3
                ? new Pixels(cast, transpose, scaled, add, new ByteScale(unit, (byte)Math.Round(zero)))
                : null;

        private NodeProto? Writer(string tensor, string operation) => _writers.TryGetValue(tensor, out var node) && node.OpType == operation ? node : null;

        private float? Same(string constant) => _constants.TryGetValue(constant, out var values) && Floats(values).Distinct().ToArray() is [var value] ? value : null;

        private void TakePixels(Pixels pixels)
        {
            var tensor = pixels.Add.Output[0];
            var bytes = pixels.Transpose.Clone();
            bytes.Input[0] = pixels.Cast.Input[0];
            bytes.Name = bytes.Output[0] = $"{tensor}.bytes";
            _graph.Copy(bytes);
            scales[tensor] = pixels.Scale;
            FromBytes(tensor);
        }

        /// <summary>Adds a node; what it gives goes through bytes where the plan wants that, and has the name that it had before.</summary>
        private void Write(NodeProto original)
        {
            var node = original.Clone();
            if (plan.Weighted.Contains(original))
            {
                Weigh(node);
            }

            var tensor = plan.Absorbed.TryGetValue(node.Output[0], out var activation) ? activation.Output[0] : node.Output[0];
            if (scales.ContainsKey(tensor))
            {
                node.Name = node.Output[0] = $"{tensor}.exact";
                _graph.Copy(node);
                _graph.Node("QuantizeLinear", $"{tensor}.bytes", [$"{tensor}.exact", .. Scale(tensor)]);
                FromBytes(tensor);
            }
            else
            {
                _graph.Copy(node);
            }
        }

        private void FromBytes(string tensor) => _graph.Node("DequantizeLinear", tensor, [$"{tensor}.bytes", .. Scale(tensor)]);

        private string[] Scale(string tensor)
        {
            var (unit, zero) = ($"{tensor}.unit", $"{tensor}.zero");
            if (_scaled.Add(tensor))
            {
                _graph.Constant(unit, [scales[tensor].Unit]);
                _graph.Numbers<byte>(zero, DataType.Uint8, [scales[tensor].Zero]);
            }

            return [unit, zero];
        }

        /// <summary>Gives a node its weights and its bias as whole numbers.</summary>
        private void Weigh(NodeProto node)
        {
            if (node.OpType == "Gemm" && node.Attribute.FirstOrDefault(attribute => attribute.Name == "transB")?.I != 1)
            {
                throw new InvalidDataException($"The dense layer '{node.Name}' has its weights the other way round.");
            }

            var kernel = _constants[node.Input[1]];
            var weights = Floats(kernel);
            var bias = node.Input.Count > 2 ? Floats(_constants[node.Input[2]]) : null;
            var channels = (int)kernel.Dims[0];
            var depthwise = node.Attribute.FirstOrDefault(attribute => attribute.Name == "group")?.I == channels && kernel.Dims[1] == 1;
            var (units, numbers) = (new float[channels], new sbyte[weights.Length]);
            for (var channel = 0; channel < channels; channel++)
            {
                var of = weights.AsSpan(channel * (weights.Length / channels), weights.Length / channels);
                units[channel] = ChannelUnit(of, depthwise ? LargestWeight : largestPairedWeight, Math.Abs(bias?[channel] ?? 0) / scales[node.Input[0]].Unit);
                for (var i = 0; i < of.Length; i++)
                {
                    numbers[(channel * of.Length) + i] = (sbyte)MathF.Round(of[i] / units[channel]);
                }
            }

            node.Input[1] = FromNumbers(node.Input[1], DataType.Int8, numbers, units, kernel.Dims);
            if (bias is not null)
            {
                float[] biasUnits = [.. units.Select(unit => unit * scales[node.Input[0]].Unit)];
                node.Input[2] = FromNumbers(node.Input[2], DataType.Int32, [.. bias.Zip(biasUnits, (value, unit) => (int)Math.Round(value / (double)unit))], biasUnits, [channels]);
            }
        }

        /// <summary>From one whole number of a channel's weights to the next: the bias, in products of it, must be a 32-bit number too.</summary>
        private static float ChannelUnit(ReadOnlySpan<float> weights, int largest, float bias)
        {
            var most = Math.Max(Math.Abs(TensorPrimitives.MaxMagnitude(weights)) / largest, bias / (1 << 30));
            return most > 0 ? most : 1;
        }

        private string FromNumbers<T>(string name, DataType type, T[] numbers, float[] units, IEnumerable<long> shape)
            where T : unmanaged
        {
            _graph.Numbers<T>($"{name}.numbers", type, numbers, [.. shape]);
            _graph.Constant($"{name}.units", units, units.Length);
            _graph.Numbers<T>($"{name}.zeros", type, new T[units.Length], units.Length);
            return _graph.Node("DequantizeLinear", name, [$"{name}.numbers", $"{name}.units", $"{name}.zeros"], OnnxGraph.Int("axis", 0));
        }

        private static float[] Floats(TensorProto constant) => MemoryMarshal.Cast<byte, float>(constant.RawData.Span).ToArray();

        private sealed record Pixels(NodeProto Cast, NodeProto Transpose, NodeProto Mul, NodeProto Add, ByteScale Scale)
        {
            public NodeProto[] Replaced { get; } = [Cast, Mul, Add];
        }
    }
}
