using Melanoma.Contracts.V1;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Runs;

namespace Melanoma.Ingestion.Runs;

/// <summary>A run with all that tells how far it has come; nobody writes its state down, so nothing can contradict it.</summary>
/// <param name="Run">What was asked for.</param>
/// <param name="Augmentation">Its variants; null before they are planned.</param>
/// <param name="Execution">Who trains it and how it ended; null before a worker took it.</param>
/// <param name="IsHeld">Whether a worker has its lease, by the database's clock.</param>
/// <param name="ModelVersion">The version that it ended in.</param>
internal sealed record RunSnapshot(Storage.Runs.Run Run, Augmentation? Augmentation, RunExecution? Execution, bool IsHeld, int? ModelVersion)
{
    /// <summary>Requested, augmenting, ready, then what its execution says. A run that was called off has ended when no worker has it, and so has one whose variants were given up.</summary>
    public RunState State => Execution?.State switch
    {
        RunExecutionState.Completed => RunState.Completed,
        RunExecutionState.Failed => RunState.Failed,
        RunExecutionState.Cancelled => RunState.Cancelled,
        _ when IsHeld => RunState.Training,
        _ when Run.CancelRequestedAt is not null => RunState.Cancelled,
        null when Augmentation?.FailedAt >= Run.RequestedAt => RunState.Failed,
        _ when Run.PauseRequestedAt is not null => RunState.Paused,
        RunExecutionState.Training => RunState.Training,
        _ when Augmentation is null => RunState.Requested,
        _ when Augmentation.CompletedAt is null => RunState.Augmenting,
        _ => RunState.Ready,
    };

    /// <summary>Whether nothing of it will change any more.</summary>
    public bool HasEnded => State is RunState.Completed or RunState.Failed or RunState.Cancelled;
}
