using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Reviews;

/// <summary>
/// Two images that a run found likely to show one lesion although they are in different groups. It joins nothing: Ingestion makes a <see cref="ReviewItem"/>
/// of it. Written by Training.
/// </summary>
public sealed class LikelyLesionView
{
    /// <summary>The run that found it.</summary>
    public required Guid RunId { get; init; }

    /// <summary>The image with the smaller id, so that a pair is one row.</summary>
    public required Guid ImageId { get; init; }

    /// <summary>The image with the larger id.</summary>
    public required Guid OtherImageId { get; init; }

    /// <summary>How many places of one image are found in the other by one shift, turn and zoom.</summary>
    public required int AgreeingPlaces { get; init; }
}

internal sealed class LikelyLesionViewConfiguration : IEntityTypeConfiguration<LikelyLesionView>
{
    public void Configure(EntityTypeBuilder<LikelyLesionView> builder)
    {
        builder.HasKey(view => new { view.RunId, view.ImageId, view.OtherImageId });
        builder.HasIndex(view => view.ImageId);
        builder.HasIndex(view => view.OtherImageId);
        builder.HasOne<Run>().WithMany().HasForeignKey(view => view.RunId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Image>().WithMany().HasForeignKey(view => view.ImageId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Image>().WithMany().HasForeignKey(view => view.OtherImageId).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table =>
        {
            table.HasCheckConstraint("ck_likely_lesion_views_order", "image_id < other_image_id");
            table.HasCheckConstraint("ck_likely_lesion_views_places", "agreeing_places > 0");
        });
    }
}
