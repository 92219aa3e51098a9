namespace Melanoma.Contracts.Messages;

/// <summary>A queue that a service takes messages from.</summary>
/// <param name="Name">Its name at the broker; for a queue per replica, what the names of all of them begin with.</param>
/// <param name="Message">The message type in it.</param>
/// <param name="PerReplica">Each replica has one of its own and takes every message; else all share one and each message is taken by one of them.</param>
public sealed record QueueContract(string Name, Type Message, bool PerReplica = false)
{
    /// <summary>Where messages end that a consumer could not deal with; replicas share it.</summary>
    public string FaultQueue => $"{Name}_error";

    /// <summary>Where messages end that no consumer takes; replicas share it.</summary>
    public string SkippedQueue => $"{Name}_skipped";

    /// <summary>Where messages end whose consumer died each time; null for a queue per replica, which goes with its replica.</summary>
    public string? DeadQueue => PerReplica ? null : $"{Name}_dead";
}

/// <summary>The queues of the product, so that whoever looks after them knows all of them.</summary>
public static class MessageQueues
{
    /// <summary>Augmentation plans the variants of a run.</summary>
    public static QueueContract RunRequested { get; } = new("augmentation.run-requested", typeof(RunRequested));

    /// <summary>Augmentation makes a batch.</summary>
    public static QueueContract BatchReady { get; } = new("augmentation.batch-ready", typeof(AugmentationBatchReady));

    /// <summary>Augmentation deletes variants.</summary>
    public static QueueContract ImagesForgotten { get; } = new("augmentation.images-forgotten", typeof(ImagesForgotten));

    /// <summary>Ingestion asks reviewers about labels.</summary>
    public static QueueContract LabelErrorsFound { get; } = new("ingestion.label-errors-found", typeof(LabelErrorsFound));

    /// <summary>Ingestion asks reviewers about pictures of one lesion.</summary>
    public static QueueContract LesionViewsFound { get; } = new("ingestion.lesion-views-found", typeof(LesionViewsFound));

    /// <summary>Ingestion makes a claim of what a clinician said of an answer.</summary>
    public static QueueContract FeedbackGiven { get; } = new("ingestion.feedback-given", typeof(FeedbackGiven));

    /// <summary>Training looks for a run.</summary>
    public static QueueContract AugmentationCompleted { get; } = new("training", typeof(AugmentationCompleted), PerReplica: true);

    /// <summary>Inference decides on a candidate.</summary>
    public static QueueContract ModelTrained { get; } = new("inference-model-trained", typeof(ModelTrained));

    /// <summary>Inference takes another version.</summary>
    public static QueueContract ModelPromoted { get; } = new("inference-model-promoted", typeof(ModelPromoted), PerReplica: true);

    /// <summary>Every queue, by name.</summary>
    public static IReadOnlyList<QueueContract> All { get; } =
    [
        .. new[] { RunRequested, BatchReady, ImagesForgotten, LabelErrorsFound, LesionViewsFound, FeedbackGiven, AugmentationCompleted, ModelTrained, ModelPromoted }
            .OrderBy(queue => queue.Name, StringComparer.Ordinal),
    ];
}
