using Microsoft.ML.OnnxRuntime;
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
}
