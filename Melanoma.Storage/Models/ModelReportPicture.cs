using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Models;

/// <summary>
/// A small training picture that a model's report shows, as it is or as augmentation changed it. It goes with the bytes of the image it was made of: where
/// those are deleted, the database deletes it in the same transaction. Written by Training.
/// </summary>
public sealed class ModelReportPicture
{
    /// <summary>The model version.</summary>
    public required int Version { get; init; }

    /// <summary>Place in the report, counted from 0.</summary>
    public required int Ordinal { get; init; }

    /// <summary>The image it was made of.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>What the dataset says it shows.</summary>
    public required DiagnosisSet Label { get; init; }

    /// <summary>Whether augmentation changed it.</summary>
    public required bool IsAugmented { get; init; }

    /// <summary>The picture, at most 96 pixels a side.</summary>
    public required byte[] Jpeg { get; init; }
}

internal sealed class ModelReportPictureConfiguration : IEntityTypeConfiguration<ModelReportPicture>
{
    public void Configure(EntityTypeBuilder<ModelReportPicture> builder)
    {
        builder.HasKey(picture => new { picture.Version, picture.Ordinal });
        builder.HasIndex(picture => picture.ImageId);
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(picture => picture.Version);
        builder.HasOne<ImageContent>().WithMany().HasForeignKey(picture => picture.ImageId).OnDelete(DeleteBehavior.Cascade);
    }
}
