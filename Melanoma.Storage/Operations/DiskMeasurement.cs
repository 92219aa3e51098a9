using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Operations;

/// <summary>The room on a disk that a replica of ingestion writes to, as measured last. Written by Ingestion.</summary>
public sealed class DiskMeasurement
{
    /// <summary>The replica, which has a new name after each start.</summary>
    public required string Replica { get; init; }

    /// <summary>What lies there: <c>spool</c>, <c>drop-folder</c> or <c>database</c>.</summary>
    public required string Holds { get; init; }

    /// <summary>A folder on it.</summary>
    public required string Folder { get; init; }

    /// <summary>Free bytes.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>Bytes that the disk has.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>With fewer free bytes new deliveries are refused.</summary>
    public required long LimitBytes { get; init; }

    /// <summary>When, by the database's clock.</summary>
    public required DateTimeOffset MeasuredAt { get; init; }
}

internal sealed class DiskMeasurementConfiguration : IEntityTypeConfiguration<DiskMeasurement>
{
    public void Configure(EntityTypeBuilder<DiskMeasurement> builder)
    {
        builder.HasKey(disk => new { disk.Replica, disk.Holds });
        builder.Property(disk => disk.Replica).HasMaxLength(200);
        builder.Property(disk => disk.Holds).HasMaxLength(20);
    }
}
