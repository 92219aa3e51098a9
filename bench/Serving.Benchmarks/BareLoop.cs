using System.Diagnostics;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Microsoft.ML.OnnxRuntime;

namespace Melanoma.Serving.Benchmarks;

/// <summary>What the work itself costs, without a service around it: loops in this process.</summary>
internal static class BareLoop
{
    private static readonly int[] Batches = [1, 8, 32];

    /// <summary>Runs the network on pictures that are decoded already, with each setting in turn.</summary>
    /// <returns>The setting that gave most images a second.</returns>
    public static RawFigures BestRun(byte[] onnx, int side, TimeSpan length)
    {
        var cores = Environment.ProcessorCount;
        var settings =
            from threads in new[] { (Loops: 1, Within: 1), (Loops: cores, Within: 1), (Loops: 1, Within: cores) }.Distinct()
            from batch in Batches
            select (threads.Loops, threads.Within, Batch: batch);
        return settings.Select(setting =>
        {
            using var session = Open(onnx, setting.Within);
            var figures = Loop(setting.Loops, length, setting.Batch, _ =>
            {
                var buffers = new Buffers(setting.Batch, side);
                new Random(1).NextBytes(buffers.Pixels);
                return (() => buffers.Run(session), buffers);
            });
            return new RawFigures(setting.Loops, setting.Within, setting.Batch, figures.PerSecond, figures.CpuMs);
        }).MaxBy(figures => figures.PerSecond)!;
    }

    /// <summary>Decodes and runs, picture by picture, in as many loops as threads.</summary>
    public static PointFigures DecodeAndRun(ServedModel model, Pictures pictures, int threads, TimeSpan length)
    {
        using var session = Open(model.Onnx, 1);
        return Loop(threads, length, 1, thread =>
        {
            var buffers = new Buffers(1, model.Side);
            long number = thread;
            return (() =>
            {
                if (!ImageDecoder.TryDecodeToSquare(pictures.At(number += threads), model.Side, buffers.Pixels, ImageLimits.Default, out var refusal))
                    throw new InvalidOperationException(refusal.Message);
                buffers.Run(session);
            }, buffers);
        });
    }

    private static PointFigures Loop(int threads, TimeSpan length, int images, Func<int, (Action Once, IDisposable Memory)> prepare)
    {
        var loops = Enumerable.Range(0, threads).Select(prepare).ToArray();
        foreach (var (once, _) in loops)
            once();
        var latencies = loops.Select(_ => new List<double>(4096)).ToArray();
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        var running = loops.Select((loop, number) => new Thread(() =>
        {
            while (watch.Elapsed < length)
            {
                var begin = Stopwatch.GetTimestamp();
                loop.Once();
                latencies[number].Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            }
        })).ToArray();
        foreach (var thread in running)
            thread.Start();
        foreach (var thread in running)
            thread.Join();
        var (elapsed, used) = (watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        foreach (var (_, memory) in loops)
            memory.Dispose();
        return PointFigures.Of($"{threads} threads", [.. latencies.SelectMany(list => list)], [], elapsed, used, images);
    }

    // As Inference.Api opens it.
    private static InferenceSession Open(byte[] onnx, int threads)
    {
        using var options = new Microsoft.ML.OnnxRuntime.SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return new InferenceSession(onnx, options);
    }

    private sealed class Buffers : IDisposable
    {
        private static readonly string[] Inputs = [ModelGraph.Images];
        private static readonly string[] Outputs = [ModelGraph.Probabilities];

        private readonly RunOptions _options = new();
        private readonly OrtValue[] _inputs;
        private readonly OrtValue[] _outputs;

        public Buffers(int pictures, int side)
        {
            Pixels = GC.AllocateUninitializedArray<byte>(pictures * side * side * 3, pinned: true);
            _inputs = [OrtValue.CreateTensorValueFromMemory(Pixels, [pictures, side, side, 3])];
            _outputs = [OrtValue.CreateTensorValueFromMemory(GC.AllocateUninitializedArray<float>(pictures * Diagnoses.Count, pinned: true), [pictures, Diagnoses.Count])];
        }

        public byte[] Pixels { get; }

        public void Run(InferenceSession session) => session.Run(_options, Inputs, _inputs, Outputs, _outputs);

        public void Dispose()
        {
            foreach (var value in _inputs.Concat(_outputs))
                value.Dispose();
            _options.Dispose();
        }
    }
}
