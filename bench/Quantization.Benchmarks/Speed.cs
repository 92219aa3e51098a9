using System.Diagnostics;
using Melanoma.Contracts.Models;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Models;

/// <summary>Pictures per second of two models, one thread.</summary>
/// <param name="Ratio">The median over the rounds of how many times as fast the second is.</param>
internal sealed record Speed(double Precise, double Quantized, double Ratio)
{
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(0.6);

    /// <summary>The two take turns, because other processes come and go.</summary>
    public static Speed Measure(byte[] precise, byte[] quantized, int side, int batch, int rounds)
    {
        using var one = OnnxSession.Open(precise);
        using var other = OnnxSession.Open(quantized);
        var input = NamedOnnxValue.CreateFromTensor(ModelGraph.Images, new DenseTensor<byte>(ParityCheck.Smooth(batch, side), [batch, side, side, 3]));
        Turn(one, input, batch);
        Turn(other, input, batch);
        var rates = Enumerable.Range(0, rounds).Select(_ => (Precise: Turn(one, input, batch), Quantized: Turn(other, input, batch))).ToArray();
        return new Speed(Median(rates.Select(rate => rate.Precise)), Median(rates.Select(rate => rate.Quantized)), Median(rates.Select(rate => rate.Quantized / rate.Precise)));
    }

    // In processor time, of which another process takes nothing.
    private static double Turn(InferenceSession session, NamedOnnxValue input, int batch)
    {
        var (watch, runs) = (Stopwatch.StartNew(), 0);
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        for (; watch.Elapsed < s_turn; runs++)
        {
            using var results = session.Run([input], [ModelGraph.Probabilities]);
        }

        return runs * batch / (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] ordered = [.. values.Order()];
        return ordered.Length % 2 == 1 ? ordered[ordered.Length / 2] : (ordered[(ordered.Length / 2) - 1] + ordered[ordered.Length / 2]) / 2;
    }
}
