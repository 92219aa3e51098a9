using System.Diagnostics;
using System.Globalization;

namespace Melanoma.Training.Benchmarks;

/// <summary>The same network, batch and threads in Debian's PyTorch, as another process.</summary>
internal static class PlainPyTorch
{
    /// <summary>Debian's own interpreter, for which python3-torch is made.</summary>
    private const string Python = "/usr/bin/python3";

    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "plain_pytorch.py");

    /// <summary>Images per second; null where there is no PyTorch for the device.</summary>
    /// <param name="device">cpu or cuda: the one that the trainer is measured on.</param>
    public static double? ImagesPerSecond(string device, int side, int batch, int threads, int steps)
    {
        if (!File.Exists(Python))
        {
            Console.Error.WriteLine("No PyTorch to compare with: there is no " + Python);
            return null;
        }

        var start = new ProcessStartInfo(Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Script, device, .. new[] { side, batch, threads, steps }.Select(number => number.ToString(CultureInfo.InvariantCulture))])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["OMP_WAIT_POLICY"] = "passive";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0)
        {
            return double.Parse(output, CultureInfo.InvariantCulture);
        }

        Console.Error.WriteLine($"No PyTorch to compare with (apt-get install python3-torch): {error.Result.Trim().Split('\n')[^1]}");
        return null;
    }
}
