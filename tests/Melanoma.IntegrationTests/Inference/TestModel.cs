using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Onnx;
using Melanoma.Training.Onnx.Format;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>A network of one layer that judges a picture by its mean colour, so that a test knows its answers.</summary>
internal sealed record TestModel
{
    public const int Side = 16;

    /// <summary>How much a channel's mean (0 to 1) speaks for a diagnosis.</summary>
    public Func<Diagnosis, int, double> Weight { get; init; } = (diagnosis, channel) => ((((int)diagnosis * 3) + channel) % 7) - 3;

    /// <summary>How much more a channel speaks for a diagnosis at one place (row, column) than its mean does.</summary>
    public Func<Diagnosis, int, int, int, double> WeightAt { get; init; } = (_, _, _, _) => 0;

    public Func<Diagnosis, double> Bias { get; init; } = _ => 0;

    public int DatasetId { get; init; } = 1;

    public string DatasetKind { get; init; } = "honest";

    public DiagnosisSet Unsupported { get; init; } = DiagnosisSet.Empty;

    public OperatingPoints? OperatingPoints { get; init; } = new(0.5, 0.5);

    /// <summary>Outputs of the graph; a model that keeps the contract has nine.</summary>
    public int Classes { get; init; } = Diagnoses.Count;

    public bool Softmax { get; init; } = true;

    /// <summary>Whether the graph says what each of 4 x 4 places adds to the logits.</summary>
    public bool HasMap { get; init; }

    /// <summary>The largest mean level of a picture, 0 to 255, that is still familiar; null for a graph that cannot tell.</summary>
    public double? DistanceLimit { get; init; }

    /// <summary>What the file says of itself, by key and right value; null leaves it out.</summary>
    public Func<string, string, string?> Property { get; init; } = (_, value) => value;

    /// <summary>Weights that are run and change nothing, so that the model takes room in memory: as many times 3 KB.</summary>
    public int Ballast { get; init; }

    /// <summary>Says the diagnosis of pictures in which one channel stands out: red, green or blue.</summary>
    public static TestModel ByColour(Diagnosis red, Diagnosis green, Diagnosis blue) => new()
    {
        Weight = (diagnosis, channel) => (channel == 0 && diagnosis == red) || (channel == 1 && diagnosis == green) || (channel == 2 && diagnosis == blue) ? 20 : 0,
    };

    public byte[] Build()
    {
        var graph = new OnnxGraph("test");
        var images = graph.Input(ModelGraph.Images, TensorProto.Types.DataType.Uint8, Side, Side, 3);
        var floats = graph.Node("Cast", "floats", [images], OnnxGraph.Int("to", (long)TensorProto.Types.DataType.Float));
        var flat = graph.Node("Flatten", "flat", [floats], OnnxGraph.Int("axis", 1));
        graph.Node("Identity", ModelGraph.Embedding, [flat]);
        const int Inputs = Side * Side * 3;
        var kernel = new float[Classes * Inputs];
        for (var at = 0; at < kernel.Length; at++)
        {
            var (diagnosis, channel, place) = ((Diagnosis)(at / Inputs), at % 3, at % Inputs / 3);
            kernel[at] = (float)((Weight(diagnosis, channel) + WeightAt(diagnosis, channel, place / Side, place % Side)) / (255.0 * Side * Side));
        }

        var bias = Enumerable.Range(0, Classes).Select(index => (float)(Unsupported.Contains((Diagnosis)index) ? -1e9 : Bias((Diagnosis)index))).ToArray();
        var logits = graph.Node(
            "Gemm", Softmax || Ballast > 0 ? "logits" : ModelGraph.Probabilities, [flat, graph.Constant("kernel", kernel, Classes, Inputs), graph.Constant("bias", bias, Classes)], OnnxGraph.Int("transB", 1));
        if (Ballast > 0)
        {
            var heavy = graph.Node("MatMul", "heavy", [flat, graph.Constant("ballast", new float[Inputs * Ballast], Inputs, Ballast)]);
            var light = graph.Node("MatMul", "light", [heavy, graph.Constant("nothing", new float[Ballast * Classes], Ballast, Classes)]);
            logits = graph.Node("Add", Softmax ? "laden" : ModelGraph.Probabilities, [logits, light]);
        }

        if (Softmax)
        {
            graph.Node("Softmax", ModelGraph.Probabilities, [logits], OnnxGraph.Int("axis", 1));
        }

        if (HasMap)
        {
            Map(graph, floats);
        }

        if (DistanceLimit is not null)
        {
            float[] mean = [.. Enumerable.Repeat(1f / Inputs, Inputs)];
            graph.Node("MatMul", ModelGraph.Distance, [flat, graph.Constant("mean", mean, Inputs, 1)]);
            graph.Output(ModelGraph.Distance, 1);
        }

        graph.Output(ModelGraph.Probabilities, Classes);
        graph.Output(ModelGraph.Embedding, Inputs);
        var supported = Diagnoses.Count - Unsupported.Count;
        var prior = Enumerable.Range(0, Diagnoses.Count).Select(index => Unsupported.Contains((Diagnosis)index) ? 0 : 1.0 / supported).ToArray();
        var properties = new ModelProperties(Side, "quick", 1, DatasetId, DatasetKind, prior, 1, OperatingPoints, Unsupported, HasMap, DistanceLimit: DistanceLimit);
        return graph.ToModel(
            from property in properties.ToMetadata()
            let value = Property(property.Key, property.Value)
            where value is not null
            select KeyValuePair.Create(property.Key, value!));
    }

    private void Map(OnnxGraph graph, string floats)
    {
        const int Cell = Side / 4;
        var kernel = new float[Classes * 3 * Cell * Cell];
        for (var at = 0; at < kernel.Length; at++)
        {
            var (diagnosis, channel) = (at / (3 * Cell * Cell), at / (Cell * Cell) % 3);
            kernel[at] = (float)(Weight((Diagnosis)diagnosis, channel) / (255.0 * Cell * Cell));
        }

        var channelsFirst = graph.Node("Transpose", "channels.first", [floats], OnnxGraph.Ints("perm", 0, 3, 1, 2));
        graph.Node(
            "Conv", ModelGraph.ActivationMap, [channelsFirst, graph.Constant("map.kernel", kernel, Classes, 3, Cell, Cell)],
            OnnxGraph.Ints("kernel_shape", Cell, Cell), OnnxGraph.Ints("strides", Cell, Cell));
        graph.Output(ModelGraph.ActivationMap, Classes, 4, 4);
    }
}
