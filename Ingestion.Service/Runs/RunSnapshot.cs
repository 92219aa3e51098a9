using Melanoma.Contracts.V1;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Runs;

namespace Melanoma.Ingestion.Runs;

/// <summary>A run with all that tells how far it has come; nobody writes its state down, so nothing can contradict it.</summary>
internal sealed record RunSnapshot(Storage.Runs.Run Run, Augmentation? Augmentation, RunExecution? Execution, int? ModelVersion)
{
    /// <summary>Requested, augmenting, ready, then what its execution says. A run that was called off before anybody took it has ended, and so has one whose variants were given up.</summary>
    public RunState State => Execution?.State switch
    {
        RunExecutionState.Training => RunState.Training,
        RunExecutionState.Completed => RunState.Completed,
        RunExecutionState.Failed => RunState.Failed,
        RunExecutionState.Cancelled => RunState.Cancelled,
        _ when Run.CancelRequestedAt is not null => RunState.Cancelled,
        _ when Augmentation is null => RunState.Requested,
        _ when Augmentation.FailedAt >= Run.RequestedAt => RunState.Failed,
        _ when Augmentation.CompletedAt is null => RunState.Augmenting,
        _ => RunState.Ready,
    };

    /// <summary>Whether nothing of it will change any more.</summary>
    public bool HasEnded => State is RunState.Completed or RunState.Failed or RunState.Cancelled;
}
