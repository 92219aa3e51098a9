using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Runs;

/// <summary>A request for a training run; never changes but for a wish to pause or cancel it. Written by Ingestion.</summary>
public sealed class Run
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>Name of the recipe.</summary>
    public required string Recipe { get; init; }

    /// <summary>Version of the recipe when the run was asked for.</summary>
    public required int RecipeVersion { get; init; }

    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>The dataset's kind, which is the protocol: honest, reproduction for the leaky one, or cross-validation.</summary>
    public required DatasetKind DatasetKind { get; init; }

    /// <summary>Passes over the training images, 1 or more.</summary>
    public required int Epochs { get; init; }

    /// <summary>Seed of initialisation, shuffling and augmentation.</summary>
    public required int Seed { get; init; }

    /// <summary>Augmentation policy that the recipe wants; <c>none</c> for no variants.</summary>
    public required string AugmentationPolicy { get; init; }

    /// <summary>Variants per diagnosis, 0 or more.</summary>
    public required int SamplesPerClass { get; init; }

    /// <summary>When it was asked for, by the database's clock.</summary>
    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>Name of the API key that asked.</summary>
    public required string RequestedBy { get; init; }

    /// <summary>The model version whose weights it starts from; null for the recipe's own start.</summary>
    public int? StartVersion { get; init; }

    /// <summary>In how many turned and mirrored views its model looks at a picture, 1 or 8.</summary>
    public int Views { get; init; } = 1;

    /// <summary>The cross-validation that it is a fold of; null for a run that makes a model.</summary>
    public Guid? CrossValidationId { get; init; }

    /// <summary>The fold that is held out, counted from 0; null with <see cref="CrossValidationId"/>.</summary>
    public int? Fold { get; init; }

    /// <summary>When somebody asked that it be paused; null while nobody does.</summary>
    public DateTimeOffset? PauseRequestedAt { get; set; }

    /// <summary>When somebody asked that it be stopped.</summary>
    public DateTimeOffset? CancelRequestedAt { get; set; }
}

/// <summary>
/// The execution of a run: who trains it and how it ended. The lease is measured by the database's clock, and every
/// write of a worker must match the fence. Written by Training.
/// </summary>
public sealed class RunExecution
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>How far it has come.</summary>
    public RunExecutionState State { get; set; }

    /// <summary>The worker that holds the lease; null when nobody does.</summary>
    public string? LeaseOwner { get; set; }

    /// <summary>Until when the lease holds, by the database's clock.</summary>
    public DateTimeOffset? LeaseUntil { get; set; }

    /// <summary>Rises each time the run is taken; a write with an older fence changes nothing.</summary>
    public long Fence { get; set; }

    /// <summary>How many times the run was taken, not counting those that a pause ended.</summary>
    public int Attempts { get; set; }

    /// <summary>Why it failed, in words.</summary>
    public string? Error { get; set; }

    /// <summary>When it was taken first.</summary>
    public DateTimeOffset StartedAt { get; set; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>Position within the running epoch, 0 to 1.</summary>
    public double EpochFraction { get; set; }

    /// <summary>Images trained a second in the running epoch.</summary>
    public double ImagesPerSecond { get; set; }
}

/// <summary>How far the execution of a run has come.</summary>
public enum RunExecutionState
{
    /// <summary>A worker has it, or another will take it over.</summary>
    Training = 0,

    /// <summary>Ended in a candidate model.</summary>
    Completed = 1,

    /// <summary>Ended without a model; the error says why.</summary>
    Failed = 2,

    /// <summary>Stopped because somebody asked for it.</summary>
    Cancelled = 3,
}

/// <summary>The figures of a finished epoch. Written by Training.</summary>
public sealed class RunEpoch
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>Counted from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Mean cross-entropy on training images, in nats.</summary>
    public required double TrainingLoss { get; init; }

    /// <summary>Share of right diagnoses on training images, 0 to 1.</summary>
    public required double TrainingAccuracy { get; init; }

    /// <summary>Mean cross-entropy on validation images, in nats.</summary>
    public required double ValidationLoss { get; init; }

    /// <summary>Share of right diagnoses on validation images, 0 to 1.</summary>
    public required double ValidationAccuracy { get; init; }

    /// <summary>Mean recall over the classes with validation images, 0 to 1.</summary>
    public required double ValidationBalancedAccuracy { get; init; }

    /// <summary>Learning rate of the epoch.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Duration in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Images trained a second.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>The worker that trained it.</summary>
    public required string Worker { get; init; }
}

/// <summary>All that a worker needs to go on after an epoch as if nothing had happened; the last two are kept. Written by Training.</summary>
public sealed class Checkpoint
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The epoch that it was taken after, counted from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>When it was saved.</summary>
    public required DateTimeOffset SavedAt { get; init; }

    /// <summary>Weights, optimiser moments, schedule and random state in the training worker's own format.</summary>
    public required byte[] State { get; init; }
}

/// <summary>A look at a dataset's test split, noted before it is taken. Written by Training.</summary>
public sealed class TestLook
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The fence of the attempt that looked.</summary>
    public required long Fence { get; init; }

    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>When it was noted.</summary>
    public required DateTimeOffset LookedAt { get; init; }
}

internal sealed class RunConfiguration
    : IEntityTypeConfiguration<Run>, IEntityTypeConfiguration<RunExecution>, IEntityTypeConfiguration<RunEpoch>, IEntityTypeConfiguration<Checkpoint>,
        IEntityTypeConfiguration<TestLook>
{
    public void Configure(EntityTypeBuilder<Run> builder)
    {
        builder.HasIndex(run => run.RequestedAt);
        builder.HasIndex(run => new { run.CrossValidationId, run.Fold }).IsUnique();
        builder.Property(run => run.Views).HasDefaultValue(1);
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(run => run.StartVersion).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_runs_views", "views IN (1, 8)");
            table.HasCheckConstraint("ck_runs_fold", "(dataset_kind = 'crossvalidation') = (fold IS NOT NULL) AND (fold IS NULL) = (cross_validation_id IS NULL)");
        });
        builder.HasIndex(run => new { run.DatasetId, run.AugmentationPolicy, run.SamplesPerClass, run.Seed });
        builder.HasOne<Dataset>().WithMany().HasForeignKey(run => new { run.DatasetId, run.DatasetKind })
            .HasPrincipalKey(dataset => new { dataset.Id, dataset.Kind });
    }

    public void Configure(EntityTypeBuilder<RunExecution> builder)
    {
        builder.HasKey(execution => execution.RunId);
        builder.HasIndex(execution => execution.State);
        builder.HasOne<Run>().WithOne().HasForeignKey<RunExecution>(execution => execution.RunId);
    }

    public void Configure(EntityTypeBuilder<RunEpoch> builder)
    {
        builder.HasKey(epoch => new { epoch.RunId, epoch.Epoch });
        builder.HasOne<Run>().WithMany().HasForeignKey(epoch => epoch.RunId);
    }

    public void Configure(EntityTypeBuilder<Checkpoint> builder)
    {
        builder.HasKey(checkpoint => new { checkpoint.RunId, checkpoint.Epoch });
        builder.HasOne<Run>().WithMany().HasForeignKey(checkpoint => checkpoint.RunId);
    }

    public void Configure(EntityTypeBuilder<TestLook> builder)
    {
        builder.HasKey(look => new { look.RunId, look.Fence });
        builder.HasOne<Run>().WithMany().HasForeignKey(look => look.RunId);
        builder.HasOne<Dataset>().WithMany().HasForeignKey(look => look.DatasetId);
    }
}
