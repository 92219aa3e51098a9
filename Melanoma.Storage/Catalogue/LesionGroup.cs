using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Catalogue;

/// <summary>
/// Images of one lesion. A group is never divided between splits, and its split is for ever: drawn when the group first
/// enters an honest dataset and kept in every later one. Written by Ingestion.
/// </summary>
public sealed class LesionGroup
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>The permanent split; null until the group first enters an honest dataset.</summary>
    public Split? Split { get; set; }

    /// <summary>Whether an image of the group was delivered in a Test folder, which makes the whole group test.</summary>
    public bool DeliveredAsTest { get; set; }

    /// <summary>The group that this one turned out to be part of; a merged group has no images any more.</summary>
    public Guid? MergedIntoId { get; set; }
}

internal sealed class LesionGroupConfiguration : IEntityTypeConfiguration<LesionGroup>
{
    public void Configure(EntityTypeBuilder<LesionGroup> builder) =>
        builder.HasOne<LesionGroup>().WithMany().HasForeignKey(group => group.MergedIntoId).OnDelete(DeleteBehavior.Restrict);
}
