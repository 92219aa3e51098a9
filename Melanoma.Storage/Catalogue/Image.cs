using Melanoma.Contracts;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Catalogue;

/// <summary>A distinct image of the catalogue: files with the same bytes are one image. Written by Ingestion.</summary>
public sealed class Image
{
    /// <summary>UUID version 7, so that rows lie in order of arrival.</summary>
    public required Guid Id { get; init; }

    /// <summary>Assigned by the database, rising in the order in which images were stored: there is one writer at a time, so nothing lower appears later.</summary>
    public long Number { get; init; }

    /// <summary>SHA-256 of the bytes as delivered, 32 bytes; unique.</summary>
    public required byte[] Sha256 { get; init; }

    /// <summary>The lesion group; changes only when groups turn out to be one.</summary>
    public required Guid GroupId { get; set; }

    /// <summary>Media type told from the bytes, for example <c>image/jpeg</c>.</summary>
    public required string MediaType { get; init; }

    /// <summary>Width in pixels after the EXIF orientation is applied.</summary>
    public required int Width { get; init; }

    /// <summary>Height in pixels after the EXIF orientation is applied.</summary>
    public required int Height { get; init; }

    /// <summary>Size of the bytes as delivered.</summary>
    public required int SizeBytes { get; init; }

    /// <summary>
    /// What was measured of it; null for images stored by a version that did not measure, until that is made up for, and for good where such an image
    /// cannot be decoded any more.
    /// </summary>
    public ImageMeasures? Measures { get; set; }

    /// <summary>The delivery that brought it first.</summary>
    public required Guid DeliveryId { get; init; }

    /// <summary>When the image was stored first.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>When it was excluded by a reviewer: later datasets leave it out. Null unless it is.</summary>
    public DateTimeOffset? ExcludedAt { get; set; }

    /// <summary>When its bytes were deleted for good; the row stays, so that the same bytes are not taken in again. Null unless they were.</summary>
    public DateTimeOffset? ForgottenAt { get; set; }

    /// <summary>Licence, in SPDX's spelling where it has one; null where no table says it.</summary>
    public string? Licence { get; set; }

    /// <summary>Whom to name.</summary>
    public string? Attribution { get; set; }

    /// <summary>The collection that it belongs to, for example <c>HAM10000</c>; null where no table says it.</summary>
    public string? Source { get; set; }

    /// <summary>Age of the patient in years; often rounded to five.</summary>
    public short? AgeYears { get; set; }

    /// <summary><c>female</c> or <c>male</c>.</summary>
    public string? Sex { get; set; }

    /// <summary>Where on the body, in the product's spelling.</summary>
    public string? Site { get; set; }

    /// <summary>Fitzpatrick skin type, <c>I</c> to <c>VI</c>.</summary>
    public string? SkinTone { get; set; }

    /// <summary>Pseudonym of the patient.</summary>
    public string? PatientId { get; set; }

    /// <summary>What the claims of its lesion group come to: kept in step with them in the transaction that changes them.</summary>
    public LabelState LabelState { get; set; }

    /// <summary>The diagnoses that the claims leave, when they are settled.</summary>
    public DiagnosisSet? Label { get; set; }

    /// <summary>The ISIC ids under which the image was delivered.</summary>
    public ICollection<ImageIsicId> IsicIds { get; } = [];

    /// <summary>What is claimed of it.</summary>
    public ICollection<LabelClaim> Claims { get; } = [];
}

/// <summary>What the claims of an image come to.</summary>
public enum LabelState
{
    /// <summary>Nobody claims anything.</summary>
    Unlabelled = 0,

    /// <summary>The claims agree, or a higher rank decides.</summary>
    Settled = 1,

    /// <summary>Claims of one rank about the lesion contradict each other; honest datasets leave the image out.</summary>
    Conflict = 2,
}

/// <summary>An ISIC id under which an image was delivered. Written by Ingestion.</summary>
public sealed class ImageIsicId
{
    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The id, for example <c>ISIC_0024306</c>.</summary>
    public required string IsicId { get; init; }
}

/// <summary>
/// The bytes of an image as delivered, in a table of their own so that no query drags them along.
/// Read and written by hand-written streaming code only.
/// </summary>
public sealed class ImageContent
{
    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The encoded bytes, at most 20 MB.</summary>
    public required byte[] Bytes { get; init; }
}

internal sealed class ImageConfiguration : IEntityTypeConfiguration<Image>, IEntityTypeConfiguration<ImageIsicId>, IEntityTypeConfiguration<ImageContent>
{
    public void Configure(EntityTypeBuilder<Image> builder)
    {
        builder.Property(image => image.Number).UseIdentityAlwaysColumn();
        builder.HasIndex(image => image.Number).IsUnique();
        builder.HasIndex(image => image.Number, "ix_images_unmeasured").HasFilter("measures_quality_flags IS NULL");
        builder.HasIndex(image => image.Sha256).IsUnique();
        builder.HasIndex(image => image.PatientId).HasFilter("patient_id IS NOT NULL");
        builder.HasIndex(image => image.ForgottenAt).HasFilter("forgotten_at IS NOT NULL");
        builder.HasIndex(image => image.DeliveryId);
        builder.HasOne<Delivery>().WithMany().HasForeignKey(image => image.DeliveryId).OnDelete(DeleteBehavior.Restrict);
        builder.HasIndex(image => image.GroupId);
        builder.HasIndex(image => image.LabelState);
        builder.OwnsOne(image => image.Measures, measures => measures.HasIndex(owned => owned.QualityFlags).HasFilter("measures_quality_flags <> 0"));
        builder.HasOne<LesionGroup>().WithMany().HasForeignKey(image => image.GroupId).OnDelete(DeleteBehavior.Restrict);
        builder.HasMany(image => image.IsicIds).WithOne().HasForeignKey(id => id.ImageId);
        builder.HasMany(image => image.Claims).WithOne().HasForeignKey(claim => claim.ImageId);
    }

    public void Configure(EntityTypeBuilder<ImageIsicId> builder)
    {
        builder.HasKey(id => new { id.ImageId, id.IsicId });
        builder.HasIndex(id => id.IsicId);
        builder.Property(id => id.IsicId).HasMaxLength(40);
    }

    public void Configure(EntityTypeBuilder<ImageContent> builder)
    {
        builder.HasKey(content => content.ImageId);
        builder.HasOne<Image>().WithOne().HasForeignKey<ImageContent>(content => content.ImageId);
    }
}
