using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Melanoma.Inference.Models;

/// <summary>What computes, decided once at start: CUDA where the build has it and a device answers, else the CPU.</summary>
internal sealed partial class ExecutionProvider
{
    public const string Cpu = "CPU";
    public const string Cuda = "CUDA";

    private const string CudaInOnnxRuntime = "CUDAExecutionProvider";

    public ExecutionProvider(IOptions<ModelOptions> options, ILogger<ExecutionProvider> logger)
    {
        var choice = options.Value.ExecutionProvider;
        var reason = choice == ExecutionProviderChoice.Cpu ? "the setting Models:ExecutionProvider asks for it" : WhyNotCuda();
        if (reason is not null && choice == ExecutionProviderChoice.Cuda)
        {
            throw new InvalidOperationException($"Models:ExecutionProvider demands CUDA, but {reason}.");
        }

        Name = reason is null ? Cuda : Cpu;
        LogChosen(logger, Name, reason ?? "a device answered");
    }

    /// <summary><see cref="Cpu"/> or <see cref="Cuda"/>.</summary>
    public string Name { get; }

    /// <summary>Opens a session with one thread of its own: calls run beside each other, as many as there are lanes.</summary>
    /// <exception cref="OnnxRuntimeException">The bytes are no model that can be run.</exception>
    public InferenceSession Open(byte[] model)
    {
        using var options = Options(Name == Cuda);
        return new InferenceSession(model, options);
    }

    private static SessionOptions Options(bool cuda)
    {
        var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0");
        if (cuda)
        {
            options.AppendExecutionProvider_CUDA(0);
        }

        return options;
    }

    // A session over one identity node: a build with CUDA on a machine without a device fails only here.
    private static string? WhyNotCuda()
    {
        if (!OrtEnv.Instance().GetAvailableProviders().Contains(CudaInOnnxRuntime))
        {
            return "this build of ONNX Runtime has no CUDA";
        }

        try
        {
            using var options = Options(cuda: true);
            using var session = new InferenceSession(IdentityModel(), options);
            return null;
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            return $"CUDA cannot be used: {exception.Message}";
        }
    }

    // ModelProto { ir_version 10, graph { Identity x -> y, both float [1] }, opset 21 }.
    internal static byte[] IdentityModel() =>
    [
        0x08, 10, 0x3A, 55,
        0x0A, 16, 0x0A, 1, (byte)'x', 0x12, 1, (byte)'y', 0x22, 8, .. "Identity"u8,
        0x12, 1, (byte)'p',
        0x5A, 15, 0x0A, 1, (byte)'x', 0x12, 10, 0x0A, 8, 0x08, 1, 0x12, 4, 0x0A, 2, 0x08, 1,
        0x62, 15, 0x0A, 1, (byte)'y', 0x12, 10, 0x0A, 8, 0x08, 1, 0x12, 4, 0x0A, 2, 0x08, 1,
        0x42, 2, 0x10, 21,
    ];

    [LoggerMessage(1, LogLevel.Information, "Networks run on {Provider}: {Reason}")]
    private static partial void LogChosen(ILogger logger, string provider, string reason);
}
