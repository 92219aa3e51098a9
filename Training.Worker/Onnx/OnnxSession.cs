using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Melanoma.Training.Onnx;

/// <summary>ONNX Runtime as the training worker uses it: on the CPU, one thread for each question, because questions are asked side by side.</summary>
internal static class OnnxSession
{
    /// <summary>Loads a graph. Its answers do not depend on how many processors there are.</summary>
    /// <param name="model">The bytes of an ONNX file.</param>
    public static InferenceSession Open(byte[] model)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, ExecutionMode = ExecutionMode.ORT_SEQUENTIAL };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return new InferenceSession(model, options);
    }

    /// <summary>Asks a graph about pictures, each alone, as it is served; they go side by side.</summary>
    /// <param name="model">The bytes of an ONNX file.</param>
    /// <param name="places">The places of the pictures that are asked about.</param>
    /// <param name="outputs">What is asked for, of single precision.</param>
    /// <returns>For each place, in their order, the numbers of each output.</returns>
    public static float[][][] AskEach(byte[] model, ImageCache pictures, IReadOnlyCollection<int> places, IReadOnlyCollection<string> outputs)
    {
        using var session = Open(model);
        return [.. places.AsParallel().AsOrdered().Select(place =>
        {
            var picture = new DenseTensor<byte>(pictures[place].ToArray(), [1, pictures.Size, pictures.Size, 3]);
            using var results = session.Run([NamedOnnxValue.CreateFromTensor(ModelGraph.Images, picture)], outputs);
            return results.Select(result => result.AsEnumerable<float>().ToArray()).ToArray();
        })];
    }
}
