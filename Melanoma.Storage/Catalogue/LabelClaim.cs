using Melanoma.Contracts;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Catalogue;

/// <summary>Somebody's claim about the diagnosis of an image; many claims for one image are normal. Written by Ingestion.</summary>
public sealed class LabelClaim
{
    /// <summary>Assigned by the database.</summary>
    public long Id { get; init; }

    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The diagnoses that the claim leaves open; never empty.</summary>
    public required DiagnosisSet Diagnoses { get; init; }

    /// <summary>How much the claim weighs.</summary>
    public required ClaimRank Rank { get; init; }

    /// <summary>Who says so: <c>folder</c>, the name of a table, or the name of a person's API key.</summary>
    public required string ClaimedBy { get; init; }

    /// <summary>When it was recorded first.</summary>
    public required DateTimeOffset ClaimedAt { get; init; }
}

/// <summary>The weight of a claim; a higher rank decides against a lower one, a lower one may refine a higher one.</summary>
public enum ClaimRank
{
    /// <summary>The class folder of a delivery.</summary>
    Folder = 0,

    /// <summary>A clinician's feedback to an answer.</summary>
    Clinician = 1,

    /// <summary>Ground truth tables and metadata without histopathology.</summary>
    Curated = 2,

    /// <summary>Metadata that names histopathology as its source.</summary>
    Histopathology = 3,

    /// <summary>A reviewer of this installation.</summary>
    Reviewer = 4,
}

internal sealed class LabelClaimConfiguration : IEntityTypeConfiguration<LabelClaim>
{
    public void Configure(EntityTypeBuilder<LabelClaim> builder)
    {
        // The natural key: the same claim delivered twice is one claim.
        builder.HasIndex(claim => new { claim.ImageId, claim.Rank, claim.Diagnoses, claim.ClaimedBy }).IsUnique();
        builder.Property(claim => claim.ClaimedBy).HasMaxLength(200);
        builder.ToTable(table => table.HasCheckConstraint("ck_label_claims_diagnoses", "diagnoses > 0 AND diagnoses < 512"));
    }
}
