using Melanoma.Storage.Datasets;

namespace Melanoma.Training.Runs;

/// <summary>A run that this worker holds the lease of.</summary>
/// <param name="Fence">Every write must match it.</param>
/// <param name="Attempt">How many times the run was taken, this time counted but not those that a pause ended.</param>
/// <param name="FinishedEpochs">Epochs whose figures are stored.</param>
/// <param name="PreviousError">What the last attempt ended with, if it failed.</param>
/// <param name="StartVersion">The model version whose weights it starts from; null for the recipe's own start.</param>
/// <param name="Views">In how many turned and mirrored views its model looks at a picture, 1 or 8.</param>
/// <param name="Fold">The fold of a cross-validation that is held out; null for a run that makes a model.</param>
internal sealed record RunClaim(
    Guid RunId,
    long Fence,
    int Attempt,
    int FinishedEpochs,
    string? PreviousError,
    string Recipe,
    int RecipeVersion,
    int DatasetId,
    DatasetKind DatasetKind,
    Guid AugmentationId,
    int Epochs,
    int Seed,
    int? StartVersion,
    int Views,
    int? Fold);

/// <summary>What a heartbeat came to.</summary>
internal enum LeaseState
{
    Held,

    /// <summary>Held, but somebody asked that the run be paused: it is to be given back.</summary>
    PauseRequested,

    /// <summary>Held, but somebody asked that the run be stopped.</summary>
    CancelRequested,

    /// <summary>It lapsed or another worker has it: nothing may be written any more.</summary>
    Lost,
}

/// <summary>The lease lapsed; whatever this worker still wanted to write is not written.</summary>
internal sealed class LeaseLostException(Guid runId) : Exception($"The lease of run {runId} was lost.");
