using Melanoma.Contracts.Messages;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Outbox;

/// <summary>A bus message to publish, written in the transaction that changed the state it tells of. Each service writes its own rows.</summary>
public sealed class OutboxMessage
{
    /// <summary>Assigned by the database, rising.</summary>
    public long Id { get; init; }

    /// <summary>The service whose relay publishes it.</summary>
    public required ServiceRole Service { get; init; }

    /// <summary>The message's name on the wire.</summary>
    public required string MessageName { get; init; }

    /// <summary>The message as JSON.</summary>
    public required string Body { get; init; }

    /// <summary>W3C trace context of the work that caused it.</summary>
    public string? TraceParent { get; init; }

    /// <summary>When it was written, by the database's clock.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the broker confirmed it; null before.</summary>
    public DateTimeOffset? SentAt { get; set; }

    /// <summary>A row that publishes <paramref name="message"/> once the transaction commits.</summary>
    /// <exception cref="ArgumentException"><paramref name="message"/> is no bus message.</exception>
    public static OutboxMessage For(ServiceRole service, object message) => new()
    {
        Service = service,
        MessageName = MessageCatalogue.NameOf(message.GetType()),
        Body = MessageCatalogue.Serialize(message),
        TraceParent = System.Diagnostics.Activity.Current?.Id,
    };
}

internal sealed class OutboxMessageConfiguration : IEntityTypeConfiguration<OutboxMessage>
{
    public void Configure(EntityTypeBuilder<OutboxMessage> builder)
    {
        builder.ToTable("outbox");
        builder.HasIndex(message => new { message.Service, message.Id }).HasFilter("sent_at IS NULL");
        builder.Property(message => message.Body).HasColumnType("jsonb");
        builder.Property(message => message.CreatedAt).HasDefaultValueSql("now()");
    }
}
