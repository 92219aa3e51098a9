using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Predictions;

/// <summary>A caller's name for a question, and the answer that everybody gets who asks it again: written in the statement of the audit row, kept for a day. Written by Inference.</summary>
public sealed class IdempotencyKey
{
    /// <summary>Whose key it is.</summary>
    public required string Tenant { get; init; }

    /// <summary>The key, 1 to 200 printable ASCII characters.</summary>
    public required string Key { get; init; }

    /// <summary>SHA-256 of the image that the question was about.</summary>
    public required byte[] ImageSha256 { get; init; }

    /// <summary>The audit row of the answer.</summary>
    public required Guid PredictionId { get; init; }

    /// <summary>The answer as a serialised <c>melanoma.v1.ClassifyResponse</c>, about 1 KB.</summary>
    public required byte[] Answer { get; init; }

    /// <summary>When it was first used, by the database's clock.</summary>
    public DateTimeOffset CreatedAt { get; init; }
}

internal sealed class IdempotencyKeyConfiguration : IEntityTypeConfiguration<IdempotencyKey>
{
    public void Configure(EntityTypeBuilder<IdempotencyKey> builder)
    {
        builder.HasKey(key => new { key.Tenant, key.Key });
        builder.Property(key => key.CreatedAt).HasDefaultValueSql("now()");
        builder.HasIndex(key => key.CreatedAt);
        builder.ToTable("idempotency_keys");
    }
}
