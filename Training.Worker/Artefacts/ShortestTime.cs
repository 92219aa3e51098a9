using System.Diagnostics;
using Melanoma.Contracts.Models;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Artefacts;

/// <summary>How long files take for a picture, on one thread of the CPU.</summary>
internal static class ShortestTime
{
    private const int Turns = 25;

    /// <summary>The shortest of several times of each file, in milliseconds. They take turns, because other work comes and goes; it can only lengthen a time.</summary>
    /// <param name="side">Of the square pictures, in pixels.</param>
    public static double[] Measure(IReadOnlyList<byte[]> files, int side)
    {
        var sessions = files.Select(OnnxSession.Open).ToArray();
        try
        {
            NamedOnnxValue[] input = [NamedOnnxValue.CreateFromTensor(ModelGraph.Images, new DenseTensor<byte>(ParityCheck.Smooth(1, side), [1, side, side, 3]))];
            var shortest = Enumerable.Repeat(double.PositiveInfinity, files.Count).ToArray();
            for (var turn = 0; turn < Turns; turn++)
            {
                for (var file = 0; file < sessions.Length; file++)
                {
                    var started = Stopwatch.GetTimestamp();
                    using var results = sessions[file].Run(input, [ModelGraph.Probabilities]);
                    shortest[file] = Math.Min(shortest[file], Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                }
            }

            return shortest;
        }
        finally
        {
            foreach (var session in sessions)
            {
                session.Dispose();
            }
        }
    }
}
