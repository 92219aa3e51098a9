using System.Diagnostics;
using MassTransit;
using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Melanoma.ServiceDefaults.Messaging;

/// <summary>
/// Publishes the service's outbox rows and marks them sent once the broker has confirmed them. Woken by the database; a
/// slow sweep finds what nobody was woken for. A message may be published twice (a crash between the two), never lost.
/// </summary>
internal sealed partial class OutboxRelay(
    OutboxOwner owner,
    IDbContextFactory<MelanomaDbContext> databases,
    DatabaseNotifications notifications,
    IBus bus,
    TimeProvider time,
    ILogger<OutboxRelay> logger) : BackgroundService
{
    private const int BatchSize = 100;
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastRetryDelay = TimeSpan.FromSeconds(10);
    private static readonly ActivitySource Source = new("Melanoma.Outbox");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var hints = notifications.Subscribe(MelanomaDatabase.OutboxChannel);
        var service = owner.Role.ServiceName();
        var retryDelay = FirstRetryDelay;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var relayed = await RelayBatchAsync(stoppingToken);
                if (relayed.Failure is { } failure)
                {
                    LogRefused(failure.Message);
                    await Task.Delay(retryDelay, time, stoppingToken);
                    retryDelay = TimeSpan.FromTicks(Math.Min(2 * retryDelay.Ticks, LastRetryDelay.Ticks));
                    continue;
                }

                retryDelay = FirstRetryDelay;
                if (relayed.Sent < BatchSize)
                {
                    await hints.WaitAsync(payload => payload == service, SweepInterval, stoppingToken);
                }
            }
            catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException { InnerException: NpgsqlException } or DbUpdateException)
            {
                LogDatabaseLost(exception.Message);
                await Task.Delay(retryDelay, time, stoppingToken);
            }
        }
    }

    // Rows stay locked while they are published, so that replicas of a service do not publish the same ones.
    private async Task<(int Sent, Exception? Failure)> RelayBatchAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var service = owner.Role.ServiceName();
        var rows = await database.Outbox
            .FromSql($"SELECT * FROM outbox WHERE service = {service} AND sent_at IS NULL ORDER BY id LIMIT {BatchSize} FOR UPDATE SKIP LOCKED")
            .AsTracking().ToListAsync(cancellationToken);

        Exception? failure = null;
        var refused = new HashSet<string>();
        var sent = 0;
        foreach (var row in rows.Where(row => !refused.Contains(row.MessageName)))
        {
            try
            {
                await PublishAsync(row, cancellationToken);
                row.SentAt = time.GetUtcNow();
                sent++;
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                // Messages that cannot be routed yet (their consumer has never started) must not hold up the others.
                failure = exception;
                refused.Add(row.MessageName);
            }
        }

        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (sent, failure);
    }

    private async Task PublishAsync(OutboxMessage row, CancellationToken cancellationToken)
    {
        using var activity = Source.StartActivity("outbox publish", ActivityKind.Producer, row.TraceParent);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(10));
        var message = MessageCatalogue.Deserialize(row.MessageName, row.Body);

        // Mandatory: the broker refuses what no queue is bound for, and the row waits instead of the message being dropped.
        await bus.Publish(message, message.GetType(), Pipe.Execute<PublishContext>(context =>
        {
            if (context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
            {
                rabbit.Mandatory = true;
            }
        }), deadline.Token);
    }

    [LoggerMessage(1, LogLevel.Warning, "A message of the outbox was not taken by the broker and is tried again: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(2, LogLevel.Warning, "The outbox cannot be read and is tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
