using System.Diagnostics;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>A client that shares nothing with this product but the protos.</summary>
[Collection<WithTrainedModel>]
public sealed class PythonClientTests(TrainedModel trainedModel)
{
    // The distribution's own interpreter has the distribution's grpcio; one further up the path may not.
    private static readonly string[] Interpreters = ["/usr/bin/python3", "python3"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_get_an_answer_when_its_stubs_were_generated_from_the_protos()
    {
        await RequireAsync("protobuf-compiler", "protoc", "--version");
        await RequireAsync("protobuf-compiler-grpc", "sh", "-c", "command -v grpc_python_plugin");
        var python = await FindPythonAsync();
        var trained = await trainedModel.GetAsync(Cancellation);
        var samples = Path.Combine(Repository.Root, "samples", "python");
        var stubs = Path.Combine(trained.Stack.Folder, "stubs");
        (await RunAsync(Path.Combine(samples, "make-stubs.sh"), [stubs])).Succeeded();
        var picture = Directory.EnumerateFiles(TestDelivery.TestFolder(trained.Stack.Folder), "*.jpg", SearchOption.AllDirectories).First();

        var answer = await RunAsync(python, [Path.Combine(samples, "classify.py"), trained.Stack.Gateway.Grpc.Authority, picture], new()
        {
            ["MELANOMA_API_KEY"] = trained.Stack.ApiKey,
            ["MELANOMA_STUBS"] = stubs,
        });

        Assert.Contains($"model version {trained.ModelVersion}", answer.Succeeded().Output, StringComparison.Ordinal);
        Assert.Equal(10, answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    private static async Task<string> FindPythonAsync()
    {
        foreach (var interpreter in Interpreters)
        {
            if (await WorksAsync(interpreter, "-c", "import grpc, google.protobuf"))
                return interpreter;
        }

        throw new TestSkippedException("Python's grpc package is missing: apt install python3-grpcio python3-protobuf.");
    }

    private static async Task RequireAsync(string package, string command, params string[] arguments)
    {
        if (!await WorksAsync(command, arguments))
            throw new TestSkippedException($"{command} {string.Join(' ', arguments)} does not work here: apt install {package}.");
    }

    private static async Task<bool> WorksAsync(string command, params string[] arguments)
    {
        try
        {
            return (await RunAsync(command, arguments)).ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static Task<CommandResult> RunAsync(string command, string[] arguments, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(command, arguments);
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        return CommandResult.RunAsync(start, Cancellation);
    }
}
