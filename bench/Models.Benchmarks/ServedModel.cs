using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Models;

/// <summary>A model's ONNX file, asked as a server asks it.</summary>
internal sealed class ServedModel : IDisposable
{
    private const int BatchSize = 32;

    private readonly InferenceSession _session;

    public ServedModel(string path)
    {
        _session = new InferenceSession(path);
        Properties = ModelProperties.FromMetadata(_session.ModelMetadata.CustomMetadataMap);
        Rule = new OutputRule(1, [.. Enumerable.Range(0, Diagnoses.Count).Select(i => Properties.ClassPrior[i] > 0)], new double[Diagnoses.Count]);
    }

    public ModelProperties Properties { get; }

    public int Side => Properties.InputSize;

    /// <summary>Turns what <see cref="Ask"/> gives back into probabilities: the logarithms of the served ones are logits of the same.</summary>
    public OutputRule Rule { get; }

    /// <summary>The logarithms of the probabilities, nine per picture, and the embeddings.</summary>
    /// <param name="squares">Pictures of <see cref="Side"/> x <see cref="Side"/> x 3 bytes.</param>
    /// <param name="view">Which of the eight turned and mirrored views is asked about.</param>
    public (float[] Logits, List<float[]> Embeddings) Ask(IReadOnlyList<byte[]> squares, int view = 0)
    {
        var logits = new List<float>();
        var embeddings = new List<float[]>();
        foreach (var batch in squares.Chunk(BatchSize))
        {
            byte[] pixels = [.. batch.SelectMany(square => SquareSymmetry.Apply(square, Side, view))];
            using var results = _session.Run(
                [NamedOnnxValue.CreateFromTensor(ModelGraph.Images, new DenseTensor<byte>(pixels, [batch.Length, Side, Side, 3]))], [ModelGraph.Probabilities, "embedding"]);
            logits.AddRange(results[0].AsEnumerable<float>().Select(probability => MathF.Log(MathF.Max(1e-12f, probability))));
            embeddings.AddRange(((DenseTensor<float>)results[1].AsTensor<float>()).ToArray().Chunk(results[1].AsTensor<float>().Dimensions[1]));
        }

        return ([.. logits], embeddings);
    }

    /// <summary>The probabilities, the distance from the training pictures (NaN where the file cannot tell) and, if wanted, the activation map [9,rows,columns] of one picture.</summary>
    public (double[] Probabilities, double Distance, DenseTensor<float>? Map) Look(byte[] square, bool withMap)
    {
        string[] outputs =
        [
            ModelGraph.Probabilities,
            .. Properties.DistanceLimit is null ? [] : (string[])[ModelGraph.Distance],
            .. withMap ? [ModelGraph.ActivationMap] : (string[])[],
        ];
        using var results = _session.Run([NamedOnnxValue.CreateFromTensor(ModelGraph.Images, new DenseTensor<byte>(square, [1, Side, Side, 3]))], outputs);
        return (
            [.. results[0].AsEnumerable<float>().Select(probability => (double)probability)],
            Properties.DistanceLimit is null ? double.NaN : results[1].AsEnumerable<float>().First(),
            withMap ? results[^1].AsTensor<float>().Clone() as DenseTensor<float> : null);
    }

    public void Dispose() => _session.Dispose();
}
