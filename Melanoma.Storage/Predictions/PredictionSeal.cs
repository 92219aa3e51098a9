using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Predictions;

/// <summary>The place of an audit row in the chain of all and in its tenant's feed: append-only. Written by Inference, some hundred milliseconds after the row itself.</summary>
/// <remarks>No foreign key to the row: it would write to the row anew for each seal, and verification finds a row that is gone.</remarks>
public sealed class PredictionSeal
{
    /// <summary>Place in the chain, from 1 without gaps over all tenants.</summary>
    public required long Position { get; init; }

    /// <summary>The audit row.</summary>
    public required Guid PredictionId { get; init; }

    /// <summary>The row's tenant.</summary>
    public required string Tenant { get; init; }

    /// <summary>Place in the tenant's feed, from 1 without gaps.</summary>
    public required long TenantSequence { get; init; }

    /// <summary>Which canonical form the hash is of; 1 is the only one yet.</summary>
    public required short Form { get; init; }

    /// <summary>SHA-256 of the previous position's hash and the row in its canonical form.</summary>
    public required byte[] Hash { get; init; }
}

/// <summary>An audit row that has no seal yet: written in the row's own statement, deleted when it is sealed. Written by Inference.</summary>
public sealed class UnsealedPrediction
{
    /// <summary>The audit row.</summary>
    public required Guid PredictionId { get; init; }
}

internal sealed class PredictionSealConfiguration : IEntityTypeConfiguration<PredictionSeal>, IEntityTypeConfiguration<UnsealedPrediction>
{
    public void Configure(EntityTypeBuilder<PredictionSeal> builder)
    {
        builder.HasKey(seal => seal.Position);
        builder.Property(seal => seal.Position).ValueGeneratedNever();
        builder.HasIndex(seal => seal.PredictionId).IsUnique();
        builder.HasIndex(seal => new { seal.Tenant, seal.TenantSequence }).IsUnique();
        builder.ToTable("prediction_seals", table =>
        {
            table.HasCheckConstraint("ck_prediction_seals_from_one", "position >= 1 AND tenant_sequence >= 1");
            table.HasCheckConstraint("ck_prediction_seals_sha256", "octet_length(hash) = 32");
        });
    }

    public void Configure(EntityTypeBuilder<UnsealedPrediction> builder)
    {
        builder.HasKey(row => row.PredictionId);
        builder.Property(row => row.PredictionId).ValueGeneratedNever();
        builder.ToTable("unsealed_predictions");
    }
}
