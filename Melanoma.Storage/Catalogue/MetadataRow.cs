using Melanoma.Contracts;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Catalogue;

/// <summary>
/// What a delivered table says of an ISIC id. It is kept whether or not an image of that id is there, and applies to every image that
/// has the id or gets it later. A later table of the same name replaces the row. Written by Ingestion.
/// </summary>
public sealed class MetadataRow
{
    /// <summary>The id, for example <c>ISIC_0024306</c>.</summary>
    public required string IsicId { get; init; }

    /// <summary>
    /// Who makes the claim: the kind of table, for example <c>HAM10000 metadata</c>, of our own kind with the source (<c>label table: Clinic A</c>), and
    /// marked where the table has several rows of the id that differ.
    /// </summary>
    public required string TableName { get; init; }

    /// <summary>The delivery that brought the row.</summary>
    public required Guid DeliveryId { get; init; }

    /// <summary>The diagnoses that the row leaves open; null when it claims nothing.</summary>
    public DiagnosisSet? Diagnoses { get; init; }

    /// <summary>How much the claim weighs.</summary>
    public required ClaimRank Rank { get; init; }

    /// <summary>The table's id of the lesion: images of one lesion id are one group.</summary>
    public string? LesionId { get; init; }

    /// <summary>The table's pseudonym of the patient.</summary>
    public string? PatientId { get; init; }

    /// <summary>Age in years, 0 to 120; often rounded to five.</summary>
    public short? AgeYears { get; init; }

    /// <summary><c>female</c> or <c>male</c>.</summary>
    public string? Sex { get; init; }

    /// <summary>Where on the body, in the product's spelling.</summary>
    public string? Site { get; init; }

    /// <summary>Fitzpatrick skin type, <c>I</c> to <c>VI</c>.</summary>
    public string? SkinTone { get; init; }

    /// <summary>Licence of the image, in SPDX's spelling where it has one, for example <c>CC-BY-NC-4.0</c>.</summary>
    public string? Licence { get; init; }

    /// <summary>Whom to name.</summary>
    public string? Attribution { get; init; }

    /// <summary>The collection, for example <c>HAM10000</c>.</summary>
    public string? Source { get; init; }
}

internal sealed class MetadataRowConfiguration : IEntityTypeConfiguration<MetadataRow>
{
    public void Configure(EntityTypeBuilder<MetadataRow> builder)
    {
        builder.HasKey(row => new { row.IsicId, row.TableName });
        builder.HasIndex(row => row.LesionId);
        builder.HasIndex(row => row.PatientId);
        builder.Property(row => row.IsicId).HasMaxLength(40);
        builder.Property(row => row.TableName).HasMaxLength(200);
        builder.HasOne<Delivery>().WithMany().HasForeignKey(row => row.DeliveryId);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_metadata_rows_diagnoses", "diagnoses > 0 AND diagnoses < 512");
            table.HasCheckConstraint("ck_metadata_rows_age", "age_years >= 0 AND age_years <= 120");
        });
    }
}
