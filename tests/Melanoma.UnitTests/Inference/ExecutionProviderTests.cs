using Melanoma.Inference.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;

namespace Melanoma.UnitTests.Inference;

public sealed class ExecutionProviderTests
{
    private static readonly bool HasCuda = OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider");

    [Fact]
    public void Should_run_the_model_that_asks_for_a_device_when_it_is_opened_on_the_cpu()
    {
        using var session = new InferenceSession(ExecutionProvider.IdentityModel());
        using var input = OrtValue.CreateTensorValueFromMemory([7f], [1]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, ["x"], [input], ["y"]);

        Assert.Equal(7f, outputs[0].GetTensorDataAsSpan<float>()[0]);
    }

    [Fact]
    public void Should_take_the_cpu_when_the_build_has_no_cuda()
    {
        Assert.SkipWhen(HasCuda, "This build has CUDA.");
        Assert.Equal(ExecutionProvider.Cpu, Choose(ExecutionProviderChoice.Auto).Name);
    }

    [Fact]
    public void Should_stop_the_start_when_cuda_is_demanded_and_not_there()
    {
        Assert.SkipWhen(HasCuda, "This build has CUDA.");
        var exception = Assert.Throws<InvalidOperationException>(() => Choose(ExecutionProviderChoice.Cuda));
        Assert.Equal("Models:ExecutionProvider demands CUDA, but this build of ONNX Runtime has no CUDA.", exception.Message);
    }

    private static ExecutionProvider Choose(ExecutionProviderChoice choice) =>
        new(Options.Create(new ModelOptions { ExecutionProvider = choice }), NullLogger<ExecutionProvider>.Instance);
}
