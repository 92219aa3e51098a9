using System.ComponentModel;
using System.Diagnostics;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>One of <c>samples/</c>: a client that shares nothing with this product but the protos, run as its README says.</summary>
internal sealed record SampleClient
{
    // The distribution's own interpreter has the distribution's grpcio; one further up the path may not.
    private static readonly string[] Interpreters = ["/usr/bin/python3", "python3"];

    private static readonly SemaphoreSlim Preparing = new(1);

    private SampleClient(string command, params string[] arguments) => (Command, Arguments) = (command, arguments);

    private string Command { get; }

    private string[] Arguments { get; }

    /// <summary>Whether it speaks JSON instead of gRPC.</summary>
    public bool SpeaksJson { get; private init; }

    private Dictionary<string, string> Environment { get; } = [];

    /// <summary>Makes a client ready to run.</summary>
    /// <param name="name">Its folder in <c>samples/</c>.</param>
    /// <param name="scratch">Where what it needs made may lie.</param>
    /// <param name="cancellationToken">Stops the preparation.</param>
    /// <exception cref="TestSkippedException">Something that it needs cannot be had on this machine.</exception>
    public static async Task<SampleClient> PrepareAsync(string name, string scratch, CancellationToken cancellationToken)
    {
        await Preparing.WaitAsync(cancellationToken);
        try
        {
            return name switch
            {
                "csharp" => new SampleClient(Repository.Executable("ClassifySample")),
                "python" => await PreparePythonAsync(scratch, cancellationToken),
                "node" => await PrepareNodeAsync(cancellationToken),
                "curl" => await PrepareCurlAsync(cancellationToken),
                _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such sample."),
            };
        }
        finally
        {
            Preparing.Release();
        }
    }

    /// <summary>Asks.</summary>
    public Task<CommandResult> AskAsync(Uri address, string key, string picture, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(Command, [.. Arguments, address.GetLeftPart(UriPartial.Authority), picture, "case-7"]);
        start.Environment.Remove("MELANOMA_IDEMPOTENCY_KEY");
        start.Environment["MELANOMA_API_KEY"] = key;
        foreach (var (name, value) in Environment.Concat(environment))
            start.Environment[name] = value;
        return CommandResult.RunAsync(start, cancellationToken);
    }

    private static async Task<SampleClient> PreparePythonAsync(string scratch, CancellationToken cancellationToken)
    {
        await RequireAsync("apt install protobuf-compiler", ["protoc", "--version"], cancellationToken);
        await RequireAsync("apt install protobuf-compiler-grpc", ["sh", "-c", "command -v grpc_python_plugin"], cancellationToken);
        var python = await FindPythonAsync(cancellationToken);
        var folder = Path.Combine(Repository.Root, "samples", "python");
        var stubs = Path.Combine(scratch, "stubs");
        if (!Directory.Exists(stubs))
            (await CommandResult.RunAsync(new ProcessStartInfo(Path.Combine(folder, "make-stubs.sh"), [stubs]), cancellationToken)).Succeeded();
        return new SampleClient(python, Path.Combine(folder, "classify.py")) { Environment = { ["MELANOMA_STUBS"] = stubs } };
    }

    private static async Task<SampleClient> PrepareNodeAsync(CancellationToken cancellationToken)
    {
        await RequireAsync("install Node.js", ["node", "--version"], cancellationToken);
        var folder = Path.Combine(Repository.Root, "samples", "node");
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "@grpc", "grpc-js")))
            await RequireAsync("it needs npm and a registry", ["npm", "ci", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error"], cancellationToken);
        return new SampleClient("node", Path.Combine(folder, "classify.js"));
    }

    private static async Task<SampleClient> PrepareCurlAsync(CancellationToken cancellationToken)
    {
        await RequireAsync("apt install curl", ["curl", "--version"], cancellationToken);
        await RequireAsync("apt install jq", ["jq", "--version"], cancellationToken);
        return new SampleClient(Path.Combine(Repository.Root, "samples", "curl", "classify.sh")) { SpeaksJson = true };
    }

    private static async Task<string> FindPythonAsync(CancellationToken cancellationToken)
    {
        foreach (var interpreter in Interpreters)
        {
            if (await TryAsync([interpreter, "-c", "import grpc, google.protobuf"], cancellationToken) is null)
                return interpreter;
        }

        throw new TestSkippedException("Python's grpc package is missing: apt install python3-grpcio python3-protobuf.");
    }

    private static async Task RequireAsync(string remedy, string[] command, CancellationToken cancellationToken)
    {
        if (await TryAsync(command, cancellationToken) is { } problem)
            throw new TestSkippedException($"{string.Join(' ', command)} does not work here: {remedy}. {problem}");
    }

    /// <summary>Why a command does not work here; null when it does.</summary>
    private static async Task<string?> TryAsync(string[] command, CancellationToken cancellationToken)
    {
        try
        {
            var result = await CommandResult.RunAsync(new ProcessStartInfo(command[0], command[1..]), cancellationToken);
            return result.ExitCode == 0 ? null : result.Errors;
        }
        catch (Win32Exception exception)
        {
            return exception.Message;
        }
    }
}
