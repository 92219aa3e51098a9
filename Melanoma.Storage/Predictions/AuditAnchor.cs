using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Predictions;

/// <summary>What is kept of a month of the audit that was dropped: where the chain goes on. Written by the database's function <c>drop_audit_month</c> alone.</summary>
public sealed class AuditAnchor
{
    /// <summary>The first day of the month, UTC.</summary>
    public required DateOnly Month { get; init; }

    /// <summary>The last position that was dropped.</summary>
    public required long LastPosition { get; init; }

    /// <summary>Its hash, which the next position's hash covers.</summary>
    public required byte[] LastHash { get; init; }

    /// <summary>How many audit rows were dropped with it.</summary>
    public required long Dropped { get; init; }

    /// <summary>When it was dropped.</summary>
    public DateTimeOffset DroppedAt { get; init; }
}

/// <summary>Where the feed of a tenant goes on after an <see cref="AuditAnchor"/>; each anchor has a row for every tenant that ever had one.</summary>
public sealed class AuditAnchorSequence
{
    /// <summary>The anchor.</summary>
    public required DateOnly Month { get; init; }

    /// <summary>The tenant.</summary>
    public required string Tenant { get; init; }

    /// <summary>The last of its sequence numbers that was dropped.</summary>
    public required long LastSequence { get; init; }
}

internal sealed class AuditAnchorConfiguration : IEntityTypeConfiguration<AuditAnchor>, IEntityTypeConfiguration<AuditAnchorSequence>
{
    public void Configure(EntityTypeBuilder<AuditAnchor> builder)
    {
        builder.HasKey(anchor => anchor.Month);
        builder.Property(anchor => anchor.DroppedAt).HasDefaultValueSql("now()");
        builder.HasIndex(anchor => anchor.LastPosition).IsUnique();
        builder.ToTable("audit_anchors");
    }

    public void Configure(EntityTypeBuilder<AuditAnchorSequence> builder)
    {
        builder.HasKey(sequence => new { sequence.Month, sequence.Tenant });
        builder.HasOne<AuditAnchor>().WithMany().HasForeignKey(sequence => sequence.Month).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable("audit_anchor_sequences");
    }
}
