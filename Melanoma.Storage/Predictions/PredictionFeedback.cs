using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Predictions;

/// <summary>
/// What a caller said of one answer; of the same caller about the same answer the newest counts. It has of the answer what it needs and no key to it, because
/// audit rows go after their time. Append-only. Written by Inference.
/// </summary>
public sealed class PredictionFeedback
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>When it was given; rising with <see cref="Number"/>.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The owner of the API key.</summary>
    public required string Tenant { get; init; }

    /// <summary>Name of the API key.</summary>
    public required string Caller { get; init; }

    /// <summary>The answer.</summary>
    public required Guid PredictionId { get; init; }

    /// <summary>Which one it is of the same caller about the same answer, from 1.</summary>
    public required int Number { get; init; }

    /// <summary>SHA-256 of the image that the answer is about.</summary>
    public required byte[] ImageSha256 { get; init; }

    /// <summary>The version that answered.</summary>
    public required int ModelVersion { get; init; }

    /// <summary>The diagnosis as answered.</summary>
    public required Diagnosis AnsweredDiagnosis { get; init; }

    /// <summary>Whether the answer is right.</summary>
    public required FeedbackVerdict Verdict { get; init; }

    /// <summary>What it is: the answer's diagnosis where they agree; null where they disagree and do not say.</summary>
    public Diagnosis? Diagnosis { get; init; }

    /// <summary>In the caller's words; may be empty.</summary>
    public required string Comment { get; init; }

    /// <summary>Whether the image came with it, which is the consent to keep it.</summary>
    public required bool BroughtImage { get; init; }
}

/// <summary>Whether somebody agrees with an answer.</summary>
public enum FeedbackVerdict
{
    /// <summary>The answered diagnosis is right.</summary>
    Agree = 0,

    /// <summary>It is wrong.</summary>
    Disagree = 1,
}

/// <summary>
/// The image that came with a feedback, until Ingestion has settled it: then it is in the catalogue or nowhere. Read and written by hand-written code only. Written by
/// Inference.
/// </summary>
public sealed class FeedbackImage
{
    /// <summary>The feedback.</summary>
    public required Guid FeedbackId { get; init; }

    /// <summary>The encoded bytes, at most 20 MB.</summary>
    public required byte[] Bytes { get; init; }
}

/// <summary>What became of a feedback. Written by Ingestion.</summary>
public sealed class FeedbackOutcome
{
    /// <summary>The feedback.</summary>
    public required Guid FeedbackId { get; init; }

    /// <summary>How far it has come.</summary>
    public required FeedbackState State { get; set; }

    /// <summary>The image of the catalogue; null where there is none.</summary>
    public Guid? ImageId { get; set; }

    /// <summary>Why the image was refused; empty otherwise.</summary>
    public string Reason { get; set; } = "";

    /// <summary>When it came this far.</summary>
    public required DateTimeOffset SettledAt { get; set; }
}

/// <summary>What became of a feedback.</summary>
public enum FeedbackState
{
    /// <summary>It is about an image of the catalogue: its claim is made, if it names a diagnosis, and its question is asked, if there is one.</summary>
    Taken = 0,

    /// <summary>The catalogue does not have the image and the feedback did not bring it. Taken once somebody delivers the image.</summary>
    ImageUnknown = 1,

    /// <summary>The image that it brought was not taken in.</summary>
    ImageRefused = 2,

    /// <summary>The image was forgotten.</summary>
    ImageForgotten = 3,
}

internal sealed class FeedbackConfiguration
    : IEntityTypeConfiguration<PredictionFeedback>, IEntityTypeConfiguration<FeedbackImage>, IEntityTypeConfiguration<FeedbackOutcome>
{
    public void Configure(EntityTypeBuilder<PredictionFeedback> builder)
    {
        builder.ToTable("feedback", table =>
        {
            table.HasCheckConstraint("ck_feedback_agree", "verdict <> 'agree' OR (diagnosis IS NOT NULL AND diagnosis = answered_diagnosis)");
            table.HasCheckConstraint("ck_feedback_disagree", "verdict <> 'disagree' OR diagnosis IS NULL OR diagnosis <> answered_diagnosis");
        });

        // Two of the same caller that come at once get different numbers, or one of them is told.
        builder.HasIndex(feedback => new { feedback.PredictionId, feedback.Tenant, feedback.Caller, feedback.Number }).IsUnique();
        builder.HasIndex(feedback => feedback.ImageSha256);
        builder.Property(feedback => feedback.Comment).HasMaxLength(2000);
    }

    public void Configure(EntityTypeBuilder<FeedbackImage> builder)
    {
        builder.ToTable("feedback_images");
        builder.HasKey(image => image.FeedbackId);
        builder.HasOne<PredictionFeedback>().WithOne().HasForeignKey<FeedbackImage>(image => image.FeedbackId);
    }

    public void Configure(EntityTypeBuilder<FeedbackOutcome> builder)
    {
        builder.ToTable("feedback_outcomes");
        builder.HasKey(outcome => outcome.FeedbackId);
        builder.HasOne<PredictionFeedback>().WithOne().HasForeignKey<FeedbackOutcome>(outcome => outcome.FeedbackId);
        builder.HasOne<Image>().WithMany().HasForeignKey(outcome => outcome.ImageId).OnDelete(DeleteBehavior.Restrict);
    }
}
