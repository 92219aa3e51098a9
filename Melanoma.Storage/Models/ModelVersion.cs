using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Models;

/// <summary>
/// A version of the model. Training inserts it as a candidate; its state and the policy's decision are Inference's.
/// Only a model of an honest dataset can ever be in production, which the database checks.
/// </summary>
public sealed class ModelVersion
{
    /// <summary>The number, counted from 1; assigned by the database.</summary>
    public int Version { get; init; }

    /// <summary>The run that made it; a run makes one model. Null for the bundled model, which no run of this installation made.</summary>
    public required Guid? RunId { get; init; }

    /// <summary>Name of the recipe.</summary>
    public required string Recipe { get; init; }

    /// <summary>Version of the recipe.</summary>
    public required int RecipeVersion { get; init; }

    /// <summary>The dataset; null for the bundled model, which was trained elsewhere: <see cref="ModelTrainingImage"/> says on what.</summary>
    public required int? DatasetId { get; init; }

    /// <summary>The dataset's kind.</summary>
    public required DatasetKind DatasetKind { get; init; }

    /// <summary>Candidate, production or retired.</summary>
    public ModelState State { get; set; }

    /// <summary>When it was registered.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Side of the square that the network takes, in pixels.</summary>
    public required int InputSize { get; init; }

    /// <summary>Which of its files answers, decided when it was made: <c>fp32</c> or <c>int8</c>.</summary>
    public string ServedPrecision { get; init; } = ModelProperties.FullPrecision;

    /// <summary>The report as JSON: figures on validation and test, class counts, findings.</summary>
    public required string Report { get; init; }

    /// <summary>What the promotion policy said, in words; null while it has not decided.</summary>
    public string? PolicyDecision { get; set; }
}

/// <summary>The life of a model version.</summary>
public enum ModelState
{
    /// <summary>Trained, not in production.</summary>
    Candidate = 0,

    /// <summary>Answers every call that pins no version; at most one version is.</summary>
    Production = 1,

    /// <summary>Was in production.</summary>
    Retired = 2,
}

/// <summary>A file of a model version; <see cref="ModelVersion.ServedPrecision"/> says which one answers. Written by Training in the transaction that registers the version.</summary>
public sealed class ModelArtefact
{
    /// <summary>The version.</summary>
    public required int Version { get; init; }

    /// <summary>The numbers that the file computes with: <c>fp32</c> or <c>int8</c>.</summary>
    public required string Precision { get; init; }

    /// <summary>SHA-256 of the bytes.</summary>
    public required byte[] Sha256 { get; init; }

    /// <summary>The ONNX file.</summary>
    public required byte[] Bytes { get; init; }
}

/// <summary>
/// A drawn picture with what the file that serves said of it when the version was made: a replica answers it before it answers anybody. Written by Training in the
/// transaction that registers the version.
/// </summary>
public sealed class ModelStoredAnswer
{
    /// <summary>The version.</summary>
    public required int Version { get; init; }

    /// <summary>Counted from 0.</summary>
    public required short Number { get; init; }

    /// <summary>The encoded picture.</summary>
    public required byte[] Picture { get; init; }

    /// <summary>Nine, in index order.</summary>
    public required double[] Probabilities { get; init; }
}

/// <summary>
/// An image that a model version was trained or chosen on, by its content, so that it is recognised wherever the model goes. Written by Training in the
/// transaction that registers the version.
/// </summary>
public sealed class ModelTrainingImage
{
    /// <summary>The version.</summary>
    public required int Version { get; init; }

    /// <summary>SHA-256 of the image's file; the image may never have been in this catalogue.</summary>
    public required byte[] Sha256 { get; init; }
}

/// <summary>A look at a dataset's test split for comparing two versions, noted before it is taken. Append-only. Written by Inference.</summary>
public sealed class ComparisonLook
{
    /// <summary>Assigned by the database, rising.</summary>
    public long Id { get; init; }

    /// <summary>The version that was compared.</summary>
    public required int Version { get; init; }

    /// <summary>The version that it was compared with.</summary>
    public required int OtherVersion { get; init; }

    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>Name of the API key, or <c>promotion policy</c>.</summary>
    public required string Actor { get; init; }

    /// <summary>When it was noted.</summary>
    public required DateTimeOffset LookedAt { get; init; }
}

/// <summary>A change of the version in production: who, when, why, from, to. Append-only. Written by Inference.</summary>
public sealed class ModelTransition
{
    /// <summary>Assigned by the database, rising.</summary>
    public long Id { get; init; }

    /// <summary>The version in production before, if there was one.</summary>
    public int? FromVersion { get; init; }

    /// <summary>The version in production after.</summary>
    public required int ToVersion { get; init; }

    /// <summary>Name of the API key, or <c>promotion policy</c>.</summary>
    public required string Actor { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset Time { get; init; }
}

internal sealed class ModelConfiguration
    : IEntityTypeConfiguration<ModelVersion>, IEntityTypeConfiguration<ModelArtefact>, IEntityTypeConfiguration<ModelStoredAnswer>, IEntityTypeConfiguration<ModelTrainingImage>,
        IEntityTypeConfiguration<ComparisonLook>, IEntityTypeConfiguration<ModelTransition>
{
    public void Configure(EntityTypeBuilder<ModelVersion> builder)
    {
        builder.HasKey(model => model.Version);
        builder.Property(model => model.Version).UseIdentityAlwaysColumn();
        builder.HasIndex(model => model.RunId).IsUnique();
        builder.HasIndex(model => model.State, "ix_model_versions_one_in_production").IsUnique().HasFilter("state = 'production'");
        builder.HasOne<Run>().WithMany().HasForeignKey(model => model.RunId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Dataset>().WithMany().HasForeignKey(model => new { model.DatasetId, model.DatasetKind })
            .HasPrincipalKey(dataset => new { dataset.Id, dataset.Kind });
        builder.Property(model => model.Report).HasColumnType("jsonb");
        builder.Property(model => model.ServedPrecision).HasDefaultValue(ModelProperties.FullPrecision);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_model_versions_honest", "state = 'candidate' OR dataset_kind = 'honest'");
            table.HasCheckConstraint("ck_model_versions_not_of_folds", "dataset_kind <> 'crossvalidation'");
            table.HasCheckConstraint("ck_model_versions_served_precision", "served_precision IN ('fp32', 'int8')");
            table.HasCheckConstraint("ck_model_versions_bundled", "(run_id IS NULL) = (dataset_id IS NULL)");
        });
    }

    public void Configure(EntityTypeBuilder<ModelArtefact> builder)
    {
        builder.HasKey(artefact => new { artefact.Version, artefact.Precision });
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(artefact => artefact.Version);
    }

    public void Configure(EntityTypeBuilder<ModelStoredAnswer> builder)
    {
        builder.HasKey(answer => new { answer.Version, answer.Number });
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(answer => answer.Version);
        builder.ToTable(table => table.HasCheckConstraint("ck_model_stored_answers_nine", "array_length(probabilities, 1) = 9"));
    }

    public void Configure(EntityTypeBuilder<ModelTrainingImage> builder)
    {
        builder.HasKey(image => new { image.Version, image.Sha256 });
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(image => image.Version);
    }

    public void Configure(EntityTypeBuilder<ComparisonLook> builder)
    {
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(look => look.Version);
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(look => look.OtherVersion);
        builder.HasOne<Dataset>().WithMany().HasForeignKey(look => look.DatasetId);
    }

    public void Configure(EntityTypeBuilder<ModelTransition> builder)
    {
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(transition => transition.FromVersion);
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(transition => transition.ToVersion);
    }
}
