using System.ComponentModel.DataAnnotations;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;

namespace Melanoma.Training;

/// <summary>Settings of the training worker, section <c>Training</c>.</summary>
internal sealed class TrainingOptions : IValidatableObject
{
    public const string Section = "Training";

    private const string Auto = "auto";

    /// <summary>Threads of the numerics; 0, the default, takes all cores.</summary>
    [Range(0, 1024)]
    public int Threads { get; set; }

    /// <summary><c>auto</c> (default: CUDA if the build has it and a device is there, else the CPU), <c>cpu</c> or <c>cuda</c>.</summary>
    public string Device { get; set; } = Auto;

    /// <summary>
    /// Folder of the decoded image caches, which nobody but this user may write; by default <c>melanoma/training</c> in the user's cache
    /// folder (<c>XDG_CACHE_HOME</c>, else <c>~/.cache</c>). A user without a home must name one.
    /// </summary>
    [Required]
    public string CacheFolder { get; set; } = PrivateFolder.InUserCache("melanoma", "training");

    /// <summary>How many image caches are kept, the latest used first; default 3.</summary>
    [Range(1, 1000)]
    public int CachesKept { get; set; } = 3;

    /// <summary>Length of a run's lease in seconds; it is renewed three times in that span. Default 30.</summary>
    [Range(2, 3600)]
    public double LeaseSeconds { get; set; } = 30;

    /// <summary>Longest pause in seconds between two looks for runs that nobody woke the worker for. Default 30.</summary>
    [Range(1, 3600)]
    public double SweepSeconds { get; set; } = 30;

    /// <summary>A run that was taken this many times more often than it finished epochs has failed. Default 10.</summary>
    [Range(1, 1000)]
    public int AttemptsWithoutProgress { get; set; } = 10;

    /// <summary>Whether each honest run looks for labels that are likely to be wrong and puts them before a reviewer. Default true.</summary>
    public bool FindLabelErrors { get; set; } = true;

    /// <summary>Whether each honest run looks for other views of its lesions and puts them before a reviewer. Default: as <see cref="FindLabelErrors"/>.</summary>
    public bool? FindLesionViews { get; set; }

    /// <summary>
    /// Weights that others learned, under timm's or torchvision's names: a <c>.safetensors</c> file. Recipes that start from weights refuse one of another
    /// network than theirs. Of whichever network it is, it describes pictures for the searches for label errors and lesion views; by
    /// default the network that the run trained does, which judges less well the labels that it has learned.
    /// </summary>
    [MinLength(1)]
    public string? InitialWeights { get; set; }

    /// <summary>Folder of the model that is registered where there is none yet (<c>model.onnx</c>, <c>model-int8.onnx</c> where there is one, <c>report.json</c>, <c>seen-images.csv</c>); by default none.</summary>
    public string? BundledModel { get; set; }

    /// <summary>
    /// Which file of a new version answers: <c>auto</c> (default: the one of eight bits, where it is measured to be faster on this worker's CPU and as good) or
    /// <c>fp32</c>, for an installation whose inference computes on CUDA, where eight bits are no faster.
    /// </summary>
    public string ServedPrecision { get; set; } = Auto;

    /// <summary>Whether a file of eight bits may answer.</summary>
    internal bool MayServeEightBits => ServedPrecision == Auto;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Device is not (Auto or "cpu" or "cuda"))
        {
            yield return new ValidationResult($"{Section}:{nameof(Device)} is '{Device}'; it must be auto, cpu or cuda.", [nameof(Device)]);
        }

        if (ServedPrecision is not (Auto or ModelProperties.FullPrecision))
        {
            yield return new ValidationResult($"{Section}:{nameof(ServedPrecision)} is '{ServedPrecision}'; it must be auto or fp32.", [nameof(ServedPrecision)]);
        }

        if (PrivateFolder.Refusal(CacheFolder) is { } refusal)
        {
            yield return new ValidationResult($"{Section}:{nameof(CacheFolder)}: {refusal}", [nameof(CacheFolder)]);
        }
    }
}
