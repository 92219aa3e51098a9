namespace Melanoma.Serving.Benchmarks;

/// <summary>ONNX Runtime on ready tensors: the setting, and images a second with milliseconds of processor time an image.</summary>
internal sealed record RawFigures(int Loops, int ThreadsInside, int Batch, double PerSecond, double CpuMs);

/// <summary>One load on one side. Times in milliseconds; processor time is of all processes of the side.</summary>
/// <param name="Load">What was asked of it.</param>
/// <param name="PerSecond">Images answered a second.</param>
/// <param name="CpuMs">Processor time an answered image.</param>
/// <param name="Cores">Processor seconds a second.</param>
/// <param name="RefusedPerSecond">Calls refused a second.</param>
/// <param name="AllocatedBytes">Bytes that Inference.Api allocated an answered image, what it read and refused among them; null where it is not asked.</param>
internal sealed record PointFigures(
    string Load, double PerSecond, double P50, double P95, double P99, double CpuMs, double Cores, double RefusedPerSecond, double? RefusalP99, double? LeastRetryMs = null,
    double? AllocatedBytes = null)
{
    /// <summary>Images in a second of processor time.</summary>
    public double PerCpuSecond => 1000 / CpuMs;

    /// <param name="answered">Latencies of the answered, a call each.</param>
    /// <param name="images">Images of a call.</param>
    public static PointFigures Of(string load, double[] answered, double[] refused, double seconds, double cpu, int images = 1)
    {
        Array.Sort(answered);
        Array.Sort(refused);
        return new PointFigures(
            load, answered.Length * images / seconds, At(answered, 0.5), At(answered, 0.95), At(answered, 0.99), cpu * 1000 / (answered.Length * images), cpu / seconds,
            refused.Length / seconds, refused.Length > 0 ? At(refused, 0.99) : null);
    }

    /// <summary>The median.</summary>
    public static double Middle(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;

    private static double At(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
}
