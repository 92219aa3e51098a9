using MassTransit;

namespace Melanoma.Contracts.Messages;

// A message only wakes somebody up: it carries ids, and may be lost or doubled without harm, because a slow sweep finds
// the rows that nobody was woken for. Names on the wire are explicit, so that a rename in C# cannot break a consumer.

/// <summary>A training run was asked for; augmentation is to be planned.</summary>
/// <param name="RunId">The run.</param>
[MessageUrn("melanoma:run-requested:v1", useDefaultPrefix: false)]
[EntityName("melanoma.run-requested.v1")]
public sealed record RunRequested(Guid RunId);

/// <summary>A batch of augmented variants waits to be made.</summary>
/// <param name="AugmentationId">The augmentation that the batch belongs to.</param>
/// <param name="BatchNumber">The batch, counted from 0.</param>
[MessageUrn("melanoma:augmentation-batch-ready:v1", useDefaultPrefix: false)]
[EntityName("melanoma.augmentation-batch-ready.v1")]
public sealed record AugmentationBatchReady(Guid AugmentationId, int BatchNumber);

/// <summary>Every batch of an augmentation is done; runs that waited for it can be trained.</summary>
/// <param name="AugmentationId">The augmentation.</param>
[MessageUrn("melanoma:augmentation-completed:v1", useDefaultPrefix: false)]
[EntityName("melanoma.augmentation-completed.v1")]
public sealed record AugmentationCompleted(Guid AugmentationId);

/// <summary>A run ended in a new candidate model; the promotion policy is to decide.</summary>
/// <param name="ModelVersion">The number of the new model version.</param>
[MessageUrn("melanoma:model-trained:v1", useDefaultPrefix: false)]
[EntityName("melanoma.model-trained.v1")]
public sealed record ModelTrained(int ModelVersion);

/// <summary>Another model version is in production; every inference replica is to take it.</summary>
/// <param name="ModelVersion">The number of the version now in production.</param>
[MessageUrn("melanoma:model-promoted:v1", useDefaultPrefix: false)]
[EntityName("melanoma.model-promoted.v1")]
public sealed record ModelPromoted(int ModelVersion);

/// <summary>Images were forgotten: their bytes are gone, and what was made of them is to be deleted as well.</summary>
/// <param name="ImageIds">The images, at most 1000.</param>
[MessageUrn("melanoma:images-forgotten:v1", useDefaultPrefix: false)]
[EntityName("melanoma.images-forgotten.v1")]
public sealed record ImagesForgotten(Guid[] ImageIds);

/// <summary>A run found labels that are likely to be wrong; they are to be put before a reviewer.</summary>
/// <param name="RunId">The run.</param>
[MessageUrn("melanoma:label-errors-found:v1", useDefaultPrefix: false)]
[EntityName("melanoma.label-errors-found.v1")]
public sealed record LabelErrorsFound(Guid RunId);

/// <summary>A run found images that are likely to show one lesion; they are to be put before a reviewer.</summary>
/// <param name="RunId">The run.</param>
[MessageUrn("melanoma:lesion-views-found:v1", useDefaultPrefix: false)]
[EntityName("melanoma.lesion-views-found.v1")]
public sealed record LesionViewsFound(Guid RunId);

/// <summary>A caller said whether an answer was right; it is to become a claim and be put before a reviewer.</summary>
/// <param name="FeedbackId">The feedback.</param>
[MessageUrn("melanoma:feedback-given:v1", useDefaultPrefix: false)]
[EntityName("melanoma.feedback-given.v1")]
public sealed record FeedbackGiven(Guid FeedbackId);
