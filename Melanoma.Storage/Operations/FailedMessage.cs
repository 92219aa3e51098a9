using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Operations;

/// <summary>A message that no consumer could deal with, taken out of the broker and kept until somebody decides. Written by Gateway.</summary>
public sealed class FailedMessage
{
    /// <summary>Assigned by the database, rising in the order of arrival.</summary>
    public long Id { get; init; }

    /// <summary>SHA-256 of all that the broker delivered but its counting of deliveries; unique, so that a message that is delivered again stays one row.</summary>
    public required byte[] Fingerprint { get; init; }

    /// <summary>Name of the queue that it failed in, without a replica's part.</summary>
    public required string Queue { get; init; }

    /// <summary>How it failed.</summary>
    public required FailureKind Kind { get; init; }

    /// <summary>The id that its sender gave it; null where it had none.</summary>
    public string? MessageId { get; init; }

    /// <summary>Its type as it says itself; null where it says none.</summary>
    public string? MessageType { get; init; }

    /// <summary>Media type of its body; null where it says none.</summary>
    public string? ContentType { get; init; }

    /// <summary>Its correlation id; null where it has none.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>Its headers as a JSON object.</summary>
    public required string Headers { get; init; }

    /// <summary>Its body as it was; null where it was too large to keep.</summary>
    public byte[]? Body { get; init; }

    /// <summary>Size of its body in bytes, kept or not.</summary>
    public required int BodyBytes { get; init; }

    /// <summary>Type of the exception; null where there was none.</summary>
    public string? ExceptionType { get; init; }

    /// <summary>What went wrong, in words.</summary>
    public required string Reason { get; init; }

    /// <summary>Where the exception was thrown, its beginning; null where there was none.</summary>
    public string? StackTrace { get; init; }

    /// <summary>When it failed, as the consumer or the broker says.</summary>
    public required DateTimeOffset FailedAt { get; init; }

    /// <summary>When it was taken out of the broker, by the database's clock.</summary>
    public DateTimeOffset ArrivedAt { get; init; }

    /// <summary>What was decided.</summary>
    public FailedMessageState State { get; init; }

    /// <summary>Name of the API key that decided; null while it waits.</summary>
    public string? DecidedBy { get; init; }

    /// <summary>When it was decided; null while it waits.</summary>
    public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>Why it was discarded; null else.</summary>
    public string? DecisionReason { get; init; }
}

/// <summary>How a message failed.</summary>
public enum FailureKind
{
    /// <summary>A consumer threw each time, or the message could not be read.</summary>
    Fault = 0,

    /// <summary>Its consumer died each time.</summary>
    Dead = 1,

    /// <summary>No consumer takes its type.</summary>
    Skipped = 2,
}

/// <summary>What was decided on a failed message.</summary>
public enum FailedMessageState
{
    /// <summary>Nothing yet.</summary>
    Waiting = 0,

    /// <summary>It was put back.</summary>
    Replayed = 1,

    /// <summary>It need not be dealt with.</summary>
    Discarded = 2,
}

internal sealed class FailedMessageConfiguration : IEntityTypeConfiguration<FailedMessage>
{
    public void Configure(EntityTypeBuilder<FailedMessage> builder)
    {
        builder.HasIndex(message => message.Fingerprint).IsUnique();
        builder.HasIndex(message => new { message.Queue, message.Id });
        builder.HasIndex(message => new { message.Queue, message.Id }, "waiting").HasDatabaseName("ix_failed_messages_waiting").HasFilter("state = 'waiting'");
        builder.Property(message => message.Queue).HasMaxLength(200);
        builder.Property(message => message.Headers).HasColumnType("jsonb");
        builder.Property(message => message.ArrivedAt).HasDefaultValueSql("now()");
    }
}
