using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Catalogue;

/// <summary>
/// Two images with different bytes that are the same picture: re-scaled, re-compressed, cropped a little, turned or mirrored. They are in
/// one lesion group. Written by Ingestion.
/// </summary>
public sealed class NearDuplicate
{
    /// <summary>The image that came later.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The image that was there.</summary>
    public required Guid DuplicateOfId { get; init; }

    /// <summary>How alike their pixels are, 0 to 1.</summary>
    public required float Similarity { get; init; }

    /// <summary>What was done to the picture, in words, for example <c>mirrored</c>.</summary>
    public required string Transform { get; init; }
}

/// <summary>
/// What near-duplicates of an image are found and verified by. Read and written by hand-written streaming code only. Written by Ingestion.
/// </summary>
public sealed class ImageSignature
{
    /// <summary>Assigned by the database, rising in the order in which signatures were stored: there is one writer at a time, so nothing lower appears later.</summary>
    public long Number { get; init; }

    /// <summary>The image.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>What candidates are found by, small enough to be held in memory for every image; the first byte is the version.</summary>
    public required byte[] Keys { get; init; }

    /// <summary>What candidates are verified by; it begins with the version.</summary>
    public required byte[] Bytes { get; init; }
}

internal sealed class NearDuplicateConfiguration : IEntityTypeConfiguration<NearDuplicate>, IEntityTypeConfiguration<ImageSignature>
{
    public void Configure(EntityTypeBuilder<NearDuplicate> builder)
    {
        builder.HasKey(pair => new { pair.ImageId, pair.DuplicateOfId });
        builder.HasIndex(pair => pair.DuplicateOfId);
        builder.Property(pair => pair.Transform).HasMaxLength(100);
        builder.HasOne<Image>().WithMany().HasForeignKey(pair => pair.ImageId);
        builder.HasOne<Image>().WithMany().HasForeignKey(pair => pair.DuplicateOfId).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table => table.HasCheckConstraint("ck_near_duplicates_another_image", "image_id <> duplicate_of_id"));
    }

    public void Configure(EntityTypeBuilder<ImageSignature> builder)
    {
        builder.HasKey(signature => signature.Number);
        builder.Property(signature => signature.Number).UseIdentityAlwaysColumn();
        builder.HasOne<Image>().WithOne().HasForeignKey<ImageSignature>(signature => signature.ImageId);
    }
}
