using System.ComponentModel.DataAnnotations;

namespace Melanoma.Inference.Models;

/// <summary>Settings of the section <c>Models</c>.</summary>
internal sealed class ModelOptions
{
    public const string Section = "Models";

    /// <summary>What computes: <c>Auto</c> takes CUDA where the build has it and a device is there, else the CPU; <c>Cpu</c>; <c>Cuda</c>, without which the service does not start. Default <c>Auto</c>.</summary>
    public ExecutionProviderChoice ExecutionProvider { get; set; }

    /// <summary>Seconds between looks at which version is in production, for promotions whose message was lost; 1 to 3600, default 30.</summary>
    [Range(1, 3600)]
    public int ReconcileSeconds { get; set; } = 30;

    /// <summary>Pinned versions that are kept loaded beside production, the latest used; 1 to 100, default 4.</summary>
    [Range(1, 100)]
    public int PinnedVersions { get; set; } = 4;
}

/// <summary>Which execution provider is asked for.</summary>
internal enum ExecutionProviderChoice
{
    Auto,
    Cpu,
    Cuda,
}
