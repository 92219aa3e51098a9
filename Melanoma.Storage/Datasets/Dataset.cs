using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Datasets;

/// <summary>An immutable, numbered snapshot of the catalogue. Written by Ingestion.</summary>
public sealed class Dataset
{
    /// <summary>The number, counted from 1; assigned by the database.</summary>
    public int Id { get; init; }

    /// <summary>What its rows are and how they are split.</summary>
    public required DatasetKind Kind { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>SHA-256 over the rows in order; the same content has the same hash, whatever is known about it.</summary>
    public required byte[] ContentHash { get; init; }

    /// <summary>The rules that made it, one sentence each.</summary>
    public required string[] Rules { get; init; }

    /// <summary>Images left out because their claims contradict each other.</summary>
    public required int Parked { get; init; }

    /// <summary>The only licences whose images were taken; null when any were.</summary>
    public string[]? Licences { get; init; }

    /// <summary>How far the class can be told from what is no medicine, as JSON; null in a reproduction.</summary>
    public string? Shortcuts { get; init; }

    /// <summary>What everybody who reads figures on this dataset must know, one sentence each; carried into reports and model cards.</summary>
    public string[] Warnings { get; init; } = [];

    /// <summary>
    /// SHA-256 over what is known of the content: licences, shortcuts and warnings; empty in a reproduction. Unique with kind and content, so that the same
    /// content is the same dataset for as long as the same is known of it.
    /// </summary>
    public byte[] FactsHash { get; init; } = [];

    /// <summary>
    /// SHA-256 over what shortcuts and warnings were found from: as long as it is the same there is nothing new to find. Null in a reproduction, and where a
    /// version made the dataset that did not keep it.
    /// </summary>
    public byte[]? EvidenceHash { get; init; }

    /// <summary>How many images were left out, by reason, as a JSON object; null where a version made the dataset that did not keep it.</summary>
    public string? LeftOut { get; init; }
}

/// <summary>What the rows of a dataset are and how they are split.</summary>
public enum DatasetKind
{
    /// <summary>Rows are images with settled labels; a lesion group is in one split for ever.</summary>
    Honest = 0,

    /// <summary>Rows are delivered files with their folder labels, split as the original notebook did. Never served.</summary>
    Reproduction = 1,

    /// <summary>Rows are images with settled labels, all of them train; a lesion group is in one fold. It yields figures, never a model.</summary>
    CrossValidation = 2,
}

/// <summary>A part of a dataset.</summary>
public enum Split
{
    /// <summary>Trained on.</summary>
    Train = 0,

    /// <summary>Chosen on.</summary>
    Validation = 1,

    /// <summary>Only reported.</summary>
    Test = 2,
}

/// <summary>
/// The split of a lesion group in an honest dataset, or its fold in a cross-validation: one row a group, to which the images refer by the composite key, so
/// that a group cannot be in two splits or two folds. Written by Ingestion.
/// </summary>
public sealed class DatasetGroup
{
    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>The dataset's kind.</summary>
    public required DatasetKind Kind { get; init; }

    /// <summary>The lesion group.</summary>
    public required Guid GroupId { get; init; }

    /// <summary>Its split.</summary>
    public required Split Split { get; init; }

    /// <summary>Its fold, counted from 0; null but in a cross-validation.</summary>
    public int? Fold { get; init; }
}

/// <summary>A row of a dataset: an image (honest, cross-validation) or a delivered file (reproduction). Written by Ingestion.</summary>
public sealed class DatasetItem
{
    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>Position in the dataset, counted from 0, in the order of the content hash.</summary>
    public required int Ordinal { get; init; }

    /// <summary>The dataset's kind.</summary>
    public required DatasetKind Kind { get; init; }

    /// <summary>The split of this row.</summary>
    public required Split Split { get; init; }

    /// <summary>The lesion group; null in a reproduction, which knows none.</summary>
    public Guid? GroupId { get; init; }

    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The delivered file that a row of a reproduction stands for.</summary>
    public long? DeliveryFileId { get; init; }

    /// <summary>The label: the settled set of diagnoses, or the folder's diagnosis.</summary>
    public required DiagnosisSet Label { get; init; }
}

internal sealed class DatasetConfiguration : IEntityTypeConfiguration<Dataset>, IEntityTypeConfiguration<DatasetGroup>, IEntityTypeConfiguration<DatasetItem>
{
    public void Configure(EntityTypeBuilder<Dataset> builder)
    {
        builder.HasIndex(dataset => new { dataset.Kind, dataset.ContentHash, dataset.FactsHash }).IsUnique();
        builder.HasAlternateKey(dataset => new { dataset.Id, dataset.Kind });
        builder.Property(dataset => dataset.Shortcuts).HasColumnType("jsonb");
        builder.Property(dataset => dataset.Warnings).HasDefaultValueSql("'{}'");
        builder.Property(dataset => dataset.FactsHash).HasDefaultValueSql("''");
        builder.Property(dataset => dataset.LeftOut).HasColumnType("jsonb");
    }

    public void Configure(EntityTypeBuilder<DatasetGroup> builder)
    {
        builder.HasKey(group => new { group.DatasetId, group.GroupId });
        builder.HasAlternateKey(group => new { group.DatasetId, group.Kind, group.GroupId, group.Split });
        builder.HasOne<Dataset>().WithMany().HasForeignKey(group => new { group.DatasetId, group.Kind })
            .HasPrincipalKey(dataset => new { dataset.Id, dataset.Kind });
        builder.HasOne<LesionGroup>().WithMany().HasForeignKey(group => group.GroupId).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table => table.HasCheckConstraint("ck_dataset_groups_fold", "(kind = 'crossvalidation') = (fold IS NOT NULL)"));
    }

    public void Configure(EntityTypeBuilder<DatasetItem> builder)
    {
        builder.HasKey(item => new { item.DatasetId, item.Ordinal });
        builder.HasAlternateKey(item => new { item.DatasetId, item.Kind, item.Ordinal, item.Split });
        builder.HasIndex(item => item.ImageId);
        builder.HasOne<Dataset>().WithMany().HasForeignKey(item => new { item.DatasetId, item.Kind })
            .HasPrincipalKey(dataset => new { dataset.Id, dataset.Kind });
        builder.HasOne<DatasetGroup>().WithMany().HasForeignKey(item => new { item.DatasetId, item.Kind, item.GroupId, item.Split })
            .HasPrincipalKey(group => new { group.DatasetId, group.Kind, group.GroupId, group.Split });
        builder.HasOne<Image>().WithMany().HasForeignKey(item => item.ImageId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<DeliveryFile>().WithMany().HasForeignKey(item => item.DeliveryFileId).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_dataset_items_rows", "(kind = 'reproduction') = (delivery_file_id IS NOT NULL)");
            table.HasCheckConstraint("ck_dataset_items_group", "(kind = 'reproduction') = (group_id IS NULL)");
        });
    }
}
