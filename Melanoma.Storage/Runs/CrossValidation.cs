using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Runs;

/// <summary>What a run of a cross-validation says of the pictures of the fold that it held out. Written by Training in the transaction that ends the run.</summary>
public sealed class FoldPrediction
{
    /// <summary>The run.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The pictures by their ordinals in the dataset.</summary>
    public required int[] Ordinals { get; init; }

    /// <summary>Class shares at which the probabilities are stated, those of the lesions trained on, nine; 0 for an unsupported diagnosis.</summary>
    public required double[] Prior { get; init; }

    /// <summary>Nine a picture, in the order of <see cref="Ordinals"/>, without a temperature, because nothing is fitted on the fold held out.</summary>
    public required float[] Probabilities { get; init; }
}

/// <summary>The figures over all folds of a cross-validation, once the last of them has ended. Written by Training.</summary>
public sealed class CrossValidationReport
{
    /// <summary>The cross-validation, as its runs name it.</summary>
    public required Guid Id { get; init; }

    /// <summary>When it was made, by the database's clock.</summary>
    public required DateTimeOffset MadeAt { get; init; }

    /// <summary>The figures of each fold and of all, as JSON.</summary>
    public required string Report { get; init; }
}

internal sealed class CrossValidationConfiguration : IEntityTypeConfiguration<FoldPrediction>, IEntityTypeConfiguration<CrossValidationReport>
{
    public void Configure(EntityTypeBuilder<FoldPrediction> builder)
    {
        builder.HasKey(prediction => prediction.RunId);
        builder.HasOne<Run>().WithOne().HasForeignKey<FoldPrediction>(prediction => prediction.RunId);
        builder.ToTable(table => table.HasCheckConstraint(
            "ck_fold_predictions_sizes", "cardinality(probabilities) = 9 * cardinality(ordinals) AND cardinality(prior) = 9"));
    }

    public void Configure(EntityTypeBuilder<CrossValidationReport> builder) => builder.Property(report => report.Report).HasColumnType("jsonb");
}
