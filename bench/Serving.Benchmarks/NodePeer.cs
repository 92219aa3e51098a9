using System.Diagnostics;
using System.Globalization;
using Melanoma.Testing;

namespace Melanoma.Serving.Benchmarks;

/// <summary>
/// What a user might build instead: a gRPC server in Node.js on the same file, as many processes as cores with one thread of ONNX Runtime each, because it computes on the
/// one thread that a process has for JavaScript. It checks no key, writes no audit and refuses nobody.
/// </summary>
internal sealed class NodePeer : IDisposable
{
    private static readonly string Folder = Path.Combine(Repository.Root, "bench", "peers", "node");

    private readonly List<Process> _processes = [];
    private readonly string _model = Path.GetTempFileName();

    private NodePeer()
    {
    }

    public Side Side { get; private set; } = null!;

    /// <summary>Why there is none on this machine; null when there is.</summary>
    public static string? Missing()
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "onnxruntime-node")))
            return "its packages are not installed (npm is missing, or npm ci failed in bench/peers/node)";
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return folders.Any(folder => File.Exists(Path.Combine(folder, "node"))) ? null : "node is missing";
    }

    public static async Task<NodePeer> StartAsync(ServedModel model)
    {
        var peer = new NodePeer();
        await File.WriteAllBytesAsync(peer._model, model.Onnx);
        var ports = new List<int>();
        for (var number = 0; number < Environment.ProcessorCount; number++)
        {
            // It ends when this pipe does, however this process ends.
            var start = new ProcessStartInfo("node") { RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = Folder };
            start.ArgumentList.Add("server.js");
            start.ArgumentList.Add(peer._model);
            start.ArgumentList.Add(model.Side.ToString(CultureInfo.InvariantCulture));
            start.ArgumentList.Add(Path.Combine(Repository.Root, "Melanoma.Contracts", "Protos"));
            var process = Process.Start(start)!;
            peer._processes.Add(process);
            ports.Add(int.Parse(await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The Node.js server ended before it was ready."), CultureInfo.InvariantCulture));
        }

        peer.Side = new Side("Node.js", ports.Select(port => new Uri($"http://127.0.0.1:{port}")), () => [], () => Task.FromResult(peer._processes.Sum(process => ProcessorTime.Of(process.Id))));
        return peer;
    }

    public void Dispose()
    {
        Side?.Dispose();
        foreach (var process in _processes)
        {
            process.Kill();
            process.Dispose();
        }

        File.Delete(_model);
    }
}
