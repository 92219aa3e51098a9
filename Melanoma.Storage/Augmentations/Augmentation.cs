using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Augmentations;

/// <summary>
/// The variants of one dataset under one policy and seed; runs that want the same share it. A plan without batches is
/// completed at once. Written by Augmentation.
/// </summary>
public sealed class Augmentation
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>The dataset's kind.</summary>
    public required DatasetKind DatasetKind { get; init; }

    /// <summary>Name of the policy.</summary>
    public required string Policy { get; init; }

    /// <summary>Variants per diagnosis that has training images, 0 or more.</summary>
    public required int SamplesPerClass { get; init; }

    /// <summary>The same dataset, policy and seed give the same variants whoever makes them.</summary>
    public required int Seed { get; init; }

    /// <summary>How many batches were planned.</summary>
    public required int Batches { get; init; }

    /// <summary>When it was planned.</summary>
    public required DateTimeOffset PlannedAt { get; init; }

    /// <summary>When the last batch was done; null before.</summary>
    public DateTimeOffset? CompletedAt { get; set; }

    /// <summary>When a batch was given up last: runs asked for until then have failed, later ones make it be tried again. Null when none was.</summary>
    public DateTimeOffset? FailedAt { get; set; }

    /// <summary>Why that batch could not be made, in words.</summary>
    public string? Error { get; set; }
}

/// <summary>A batch of variants: the unit of work that a worker takes. Written by Augmentation.</summary>
public sealed class AugmentationBatch
{
    /// <summary>The augmentation.</summary>
    public required Guid AugmentationId { get; init; }

    /// <summary>Counted from 0.</summary>
    public required int Number { get; init; }

    /// <summary>Ordinal of its first variant.</summary>
    public required int FirstOrdinal { get; init; }

    /// <summary>How many variants it makes, 1 or more.</summary>
    public required int Count { get; init; }

    /// <summary>The worker that holds the lease or made it; null before.</summary>
    public string? Owner { get; set; }

    /// <summary>Until when the lease holds, by the database's clock.</summary>
    public DateTimeOffset? LeaseUntil { get; set; }

    /// <summary>Rises each time the batch is taken; a write with an older fence changes nothing.</summary>
    public long Fence { get; set; }

    /// <summary>When its variants were stored; null before.</summary>
    public DateTimeOffset? CompletedAt { get; set; }

    /// <summary>How many attempts failed since it was planned or last given up.</summary>
    public int Failures { get; set; }

    /// <summary>Why the last attempt failed, in words.</summary>
    public string? Error { get; set; }
}

/// <summary>
/// An augmented image. In an honest dataset it and its parent are training images, which the database checks. Written by Augmentation.
/// </summary>
public sealed class Variant
{
    /// <summary>The augmentation.</summary>
    public required Guid AugmentationId { get; init; }

    /// <summary>Position among the augmentation's variants, counted from 0.</summary>
    public required int Ordinal { get; init; }

    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>The dataset's kind.</summary>
    public required DatasetKind DatasetKind { get; init; }

    /// <summary>The dataset item that it was made from.</summary>
    public required int ParentOrdinal { get; init; }

    /// <summary>The split of the parent.</summary>
    public required Split ParentSplit { get; init; }

    /// <summary>Its own split: train, or as drawn by the notebook's protocol in a reproduction.</summary>
    public required Split Split { get; init; }

    /// <summary>The parent's label.</summary>
    public required DiagnosisSet Label { get; init; }

    /// <summary>What was done to the parent, as JSON, for example <c>{"rotationDegrees":-7.25}</c>.</summary>
    public required string Parameters { get; init; }

    /// <summary>SHA-256 of its encoded bytes.</summary>
    public required byte[] Sha256 { get; init; }
}

/// <summary>The encoded bytes of a variant. Read and written by hand-written streaming code only.</summary>
public sealed class VariantContent
{
    /// <summary>The augmentation.</summary>
    public required Guid AugmentationId { get; init; }

    /// <summary>The variant.</summary>
    public required int Ordinal { get; init; }

    /// <summary>The encoded bytes.</summary>
    public required byte[] Bytes { get; init; }
}

internal sealed class AugmentationConfiguration
    : IEntityTypeConfiguration<Augmentation>, IEntityTypeConfiguration<AugmentationBatch>, IEntityTypeConfiguration<Variant>, IEntityTypeConfiguration<VariantContent>
{
    public void Configure(EntityTypeBuilder<Augmentation> builder)
    {
        builder.HasIndex(augmentation => new { augmentation.DatasetId, augmentation.Policy, augmentation.SamplesPerClass, augmentation.Seed }).IsUnique();
        builder.HasOne<Dataset>().WithMany().HasForeignKey(augmentation => new { augmentation.DatasetId, augmentation.DatasetKind })
            .HasPrincipalKey(dataset => new { dataset.Id, dataset.Kind });
    }

    public void Configure(EntityTypeBuilder<AugmentationBatch> builder)
    {
        builder.HasKey(batch => new { batch.AugmentationId, batch.Number });
        builder.HasIndex(batch => batch.CompletedAt).HasFilter("completed_at IS NULL");
        builder.HasOne<Augmentation>().WithMany().HasForeignKey(batch => batch.AugmentationId);
    }

    public void Configure(EntityTypeBuilder<Variant> builder)
    {
        builder.HasKey(variant => new { variant.AugmentationId, variant.Ordinal });
        builder.HasOne<Augmentation>().WithMany().HasForeignKey(variant => variant.AugmentationId);
        builder.HasOne<DatasetItem>().WithMany()
            .HasForeignKey(variant => new { variant.DatasetId, variant.DatasetKind, variant.ParentOrdinal, variant.ParentSplit })
            .HasPrincipalKey(item => new { item.DatasetId, item.Kind, item.Ordinal, item.Split });
        builder.Property(variant => variant.Parameters).HasColumnType("jsonb");
        builder.ToTable(table => table.HasCheckConstraint(
            "ck_variants_train_only", "dataset_kind = 'reproduction' OR (split = 'train' AND parent_split = 'train')"));
    }

    public void Configure(EntityTypeBuilder<VariantContent> builder)
    {
        builder.HasKey(content => new { content.AugmentationId, content.Ordinal });
        builder.HasOne<Variant>().WithOne().HasForeignKey<VariantContent>(content => new { content.AugmentationId, content.Ordinal });
    }
}
