using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Catalogue;

/// <summary>One delivery of files by the data team. Written by Ingestion.</summary>
public sealed class Delivery
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>What people call it.</summary>
    public required string Name { get; init; }

    /// <summary>How far it has come.</summary>
    public DeliveryState State { get; set; }

    /// <summary>Name of the API key that delivered it.</summary>
    public required string DeliveredBy { get; init; }

    /// <summary>When it began.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>When every file was accounted for.</summary>
    public DateTimeOffset? CompletedAt { get; set; }

    /// <summary>What it changed for the next honest dataset, as JSON; null until it is completed.</summary>
    public string? DatasetChange { get; set; }
}

/// <summary>How far a delivery has come.</summary>
public enum DeliveryState
{
    /// <summary>Files are still coming in.</summary>
    Receiving = 0,

    /// <summary>Every file is accounted for.</summary>
    Completed = 1,

    /// <summary>The sender went away before the end; what had been stored stays stored.</summary>
    Abandoned = 2,
}

/// <summary>What became of one file of a delivery. Written by Ingestion.</summary>
public sealed class DeliveryFile
{
    /// <summary>Assigned by the database, rising in the order of the delivery.</summary>
    public long Id { get; init; }

    /// <summary>The delivery.</summary>
    public required Guid DeliveryId { get; init; }

    /// <summary>Relative path within the delivery, forward slashes, at most 1000 characters; unique in the delivery.</summary>
    public required string Path { get; init; }

    /// <summary>What became of it.</summary>
    public required FileOutcome Outcome { get; init; }

    /// <summary>Why it was refused, what it duplicates, or what a table held; empty for a new image.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The image of which a new one is a near-duplicate.</summary>
    public Guid? NearDuplicateOfId { get; init; }

    /// <summary>Short word for the kind of refusal, for totals; null unless refused.</summary>
    public string? RefusalKind { get; init; }

    /// <summary>The image, when it was stored or is a duplicate.</summary>
    public Guid? ImageId { get; init; }

    /// <summary>The diagnosis that the folder names.</summary>
    public Diagnosis? FolderDiagnosis { get; init; }

    /// <summary><see cref="Split.Train"/> or <see cref="Split.Test"/> when the delivery had such folders.</summary>
    public Split? FolderSplit { get; init; }

    /// <summary>Size in bytes.</summary>
    public required long SizeBytes { get; init; }
}

/// <summary>What became of a delivered file.</summary>
public enum FileOutcome
{
    /// <summary>A new image.</summary>
    Stored = 0,

    /// <summary>The catalogue already had these bytes.</summary>
    Duplicate = 1,

    /// <summary>Not taken; the reason says why.</summary>
    Refused = 2,

    /// <summary>Read as a table of labels or metadata; the reason says what it held.</summary>
    Metadata = 3,

    /// <summary>Still being written when it was looked at; it is taken by a later delivery.</summary>
    Waiting = 4,
}

internal sealed class DeliveryConfiguration : IEntityTypeConfiguration<Delivery>, IEntityTypeConfiguration<DeliveryFile>
{
    public void Configure(EntityTypeBuilder<Delivery> builder)
    {
        builder.Property(delivery => delivery.Name).HasMaxLength(200);
        builder.Property(delivery => delivery.DeliveredBy).HasMaxLength(200);
        builder.Property(delivery => delivery.DatasetChange).HasColumnType("jsonb");
    }

    public void Configure(EntityTypeBuilder<DeliveryFile> builder)
    {
        builder.HasIndex(file => new { file.DeliveryId, file.Path }).IsUnique();

        // With the id, so that the first line about an image is one look and not a walk through all lines.
        builder.HasIndex(file => new { file.ImageId, file.Id });
        builder.Property(file => file.Path).HasMaxLength(1000);
        builder.HasOne<Delivery>().WithMany().HasForeignKey(file => file.DeliveryId);
        builder.HasOne<Image>().WithMany().HasForeignKey(file => file.ImageId);
        builder.HasOne<Image>().WithMany().HasForeignKey(file => file.NearDuplicateOfId).OnDelete(DeleteBehavior.Restrict);
    }
}
