using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Reviews;

/// <summary>A claim that a run found likely to be wrong. It changes no label: Ingestion makes a <see cref="ReviewItem"/> of it. Written by Training.</summary>
public sealed class LikelyLabelError
{
    /// <summary>The run that found it.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The diagnoses of the claim in question.</summary>
    public required DiagnosisSet Claim { get; init; }

    /// <summary>Probability that the claim is wrong, 0.5 to 1.</summary>
    public required float Score { get; init; }

    /// <summary>The likeliest diagnosis if it is wrong.</summary>
    public required DiagnosisSet Suggested { get; init; }

    /// <summary>Why, in a sentence or two.</summary>
    public required string Reason { get; init; }
}

internal sealed class LikelyLabelErrorConfiguration : IEntityTypeConfiguration<LikelyLabelError>
{
    public void Configure(EntityTypeBuilder<LikelyLabelError> builder)
    {
        builder.HasKey(error => new { error.RunId, error.ImageId, error.Claim });
        builder.HasIndex(error => error.ImageId);
        builder.HasOne<Run>().WithMany().HasForeignKey(error => error.RunId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Image>().WithMany().HasForeignKey(error => error.ImageId).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_likely_label_errors_sets", "claim > 0 AND claim < 512 AND suggested > 0 AND suggested < 512 AND claim & suggested = 0");
            table.HasCheckConstraint("ck_likely_label_errors_score", "score >= 0 AND score <= 1");
        });
    }
}
