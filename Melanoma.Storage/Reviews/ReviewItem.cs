using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Reviews;

/// <summary>Something that a person is to look at. Written by Ingestion.</summary>
public sealed class ReviewItem
{
    /// <summary>UUID version 7, so that the oldest comes first.</summary>
    public required Guid Id { get; init; }

    /// <summary>Why it is to be looked at.</summary>
    public required ReviewKind Kind { get; init; }

    /// <summary>The lesion group whose images are to be looked at.</summary>
    public required Guid GroupId { get; init; }

    /// <summary>The image in question; null where all images of the group are.</summary>
    public Guid? ImageId { get; init; }

    /// <summary>The image, of another group, that may show the same lesion; null unless <see cref="ReviewKind.LesionViews"/>.</summary>
    public Guid? OtherImageId { get; init; }

    /// <summary>How far it has come.</summary>
    public required ReviewState State { get; set; }

    /// <summary>When it was opened.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>When it was closed; null before.</summary>
    public DateTimeOffset? ClosedAt { get; set; }

    /// <summary>How urgent it is among those of its kind; higher comes first. 0 for conflicts, which come in order.</summary>
    public float Score { get; init; }

    /// <summary>What the label may be instead; null where nothing is suggested.</summary>
    public DiagnosisSet? Suggested { get; init; }

    /// <summary>Why it is here, in a sentence.</summary>
    public required string Reason { get; init; }
}

/// <summary>Why something is to be looked at.</summary>
public enum ReviewKind
{
    /// <summary>Claims about a lesion contradict each other.</summary>
    Conflict = 0,

    /// <summary>A label is likely to be wrong.</summary>
    LabelError = 1,

    /// <summary>Two images are likely to show one lesion.</summary>
    LesionViews = 2,

    /// <summary>Somebody said whether an answer about an image was right.</summary>
    Feedback = 3,
}

/// <summary>How far a review item has come.</summary>
public enum ReviewState
{
    /// <summary>Nobody has looked at it.</summary>
    Open = 0,

    /// <summary>Somebody put it off: it comes after all open ones.</summary>
    Deferred = 1,

    /// <summary>Decided, or there is nothing left to decide.</summary>
    Closed = 2,
}

/// <summary>
/// What a reviewer decided about some images; the log is never rewritten. What holds for an image is the newest settling or excluding of it
/// that was not undone. Written by Ingestion.
/// </summary>
public sealed class ReviewDecision
{
    /// <summary>Assigned by the database, rising in the order of the decisions.</summary>
    public long Id { get; init; }

    /// <summary>What was decided.</summary>
    public required ReviewAction Action { get; init; }

    /// <summary>The label; null unless settled.</summary>
    public DiagnosisSet? Diagnoses { get; init; }

    /// <summary>Name of the API key that decided.</summary>
    public required string DecidedBy { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset DecidedAt { get; init; }

    /// <summary>Why, in the reviewer's words; may be empty.</summary>
    public required string Comment { get; init; }

    /// <summary>The decision that this one takes back; null unless <see cref="ReviewAction.Undo"/>.</summary>
    public long? UndoesId { get; init; }
}

/// <summary>What a reviewer can decide.</summary>
public enum ReviewAction
{
    /// <summary>The images have this label.</summary>
    Settle = 0,

    /// <summary>The images are left out of every later dataset.</summary>
    Exclude = 1,

    /// <summary>Later.</summary>
    Defer = 2,

    /// <summary>An earlier decision no longer holds.</summary>
    Undo = 3,

    /// <summary>The two images show one lesion: their groups are one from then on.</summary>
    Confirm = 4,

    /// <summary>The two images show different lesions.</summary>
    Reject = 5,
}

/// <summary>An image that a decision is about. Written by Ingestion.</summary>
public sealed class ReviewDecisionImage
{
    /// <summary>The decision.</summary>
    public required long DecisionId { get; init; }

    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }
}

internal sealed class ReviewConfiguration
    : IEntityTypeConfiguration<ReviewItem>, IEntityTypeConfiguration<ReviewDecision>, IEntityTypeConfiguration<ReviewDecisionImage>
{
    public void Configure(EntityTypeBuilder<ReviewItem> builder)
    {
        // One open item of a kind for a lesion, for an image of it, or for a pair of images.
        builder.HasIndex(item => new { item.Kind, item.GroupId, item.ImageId, item.OtherImageId }).IsUnique().AreNullsDistinct(false).HasFilter("state <> 'closed'");
        builder.HasIndex(item => new { item.State, item.Kind, item.Id });
        builder.HasOne<LesionGroup>().WithMany().HasForeignKey(item => item.GroupId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Image>().WithMany().HasForeignKey(item => item.ImageId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Image>().WithMany().HasForeignKey(item => item.OtherImageId).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table => table.HasCheckConstraint("ck_review_items_pair", "(kind = 'lesionviews') = (other_image_id IS NOT NULL)"));
    }

    public void Configure(EntityTypeBuilder<ReviewDecision> builder)
    {
        builder.HasIndex(decision => decision.UndoesId).IsUnique();
        builder.HasOne<ReviewDecision>().WithMany().HasForeignKey(decision => decision.UndoesId).OnDelete(DeleteBehavior.Restrict);
        builder.Property(decision => decision.DecidedBy).HasMaxLength(200);
        builder.Property(decision => decision.Comment).HasMaxLength(2000);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_review_decisions_diagnoses", "(action = 'settle') = (diagnoses IS NOT NULL) AND diagnoses > 0 AND diagnoses < 512");
            table.HasCheckConstraint("ck_review_decisions_undo", "(action = 'undo') = (undoes_id IS NOT NULL)");
        });
    }

    public void Configure(EntityTypeBuilder<ReviewDecisionImage> builder)
    {
        builder.HasKey(image => new { image.DecisionId, image.ImageId });
        builder.HasIndex(image => image.ImageId);
        builder.HasOne<ReviewDecision>().WithMany().HasForeignKey(image => image.DecisionId);
        builder.HasOne<Image>().WithMany().HasForeignKey(image => image.ImageId).OnDelete(DeleteBehavior.Restrict);
    }
}
