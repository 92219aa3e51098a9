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
    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);
    private static readonly TimeSpan KeepSent = TimeSpan.FromDays(7);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastRetryDelay = TimeSpan.FromSeconds(10);
    private static readonly ActivitySource Source = new("Melanoma.Outbox");

    private readonly string _service = owner.Role.ServiceName();

    // Message names that the broker refused last time: nobody has a queue for them yet. They wait without holding up the others.
    private readonly Dictionary<string, (DateTimeOffset Until, TimeSpan Delay)> _refused = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var hints = notifications.Subscribe(MelanomaDatabase.OutboxChannel);
        var pruneAt = time.GetUtcNow();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await RelayBatchAsync(stoppingToken) == BatchSize)
                {
                    continue;
                }

                if (time.GetUtcNow() >= pruneAt)
                {
                    await PruneAsync(stoppingToken);
                    pruneAt = time.GetUtcNow() + PruneInterval;
                }

                await hints.WaitAsync(payload => payload == _service, UntilNextLook(), stoppingToken);
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
                await Task.Delay(FirstRetryDelay, time, stoppingToken);
            }
        }
    }

    // Rows stay locked while they are published, so that replicas of a service do not publish the same ones.
    private async Task<int> RelayBatchAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var now = time.GetUtcNow();
        var waiting = _refused.Where(name => name.Value.Until > now).Select(name => name.Key).ToArray();
        var due = _refused.Keys.Except(waiting).ToList();
        var rows = await database.Outbox
            .FromSql($"""
                SELECT * FROM outbox WHERE service = {_service} AND sent_at IS NULL AND message_name <> ALL ({waiting})
                ORDER BY id LIMIT {BatchSize} FOR UPDATE SKIP LOCKED
                """)
            .AsTracking().ToListAsync(cancellationToken);

        // A name that is due and has no row left was published by another replica.
        foreach (var name in due.Except(rows.Select(row => row.MessageName)))
        {
            _refused.Remove(name);
        }

        var refusedNow = new HashSet<string>();
        foreach (var row in rows.Where(row => !refusedNow.Contains(row.MessageName)))
        {
            try
            {
                await PublishAsync(row, cancellationToken);
                row.SentAt = time.GetUtcNow();
                _refused.Remove(row.MessageName);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                refusedNow.Add(row.MessageName);
                HoldBack(row.MessageName, exception.Message);
            }
        }

        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return rows.Count;
    }

    private void HoldBack(string messageName, string reason)
    {
        var delay = _refused.TryGetValue(messageName, out var before) ? TimeSpan.FromTicks(Math.Min(2 * before.Delay.Ticks, LastRetryDelay.Ticks)) : FirstRetryDelay;
        _refused[messageName] = (time.GetUtcNow() + delay, delay);
        LogRefused(messageName, reason);
    }

    private TimeSpan UntilNextLook()
    {
        var next = _refused.Values.Select(name => name.Until - time.GetUtcNow()).Append(SweepInterval).Min();
        return next > ShortestPause ? next : ShortestPause;
    }

    private async Task PruneAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var before = time.GetUtcNow() - KeepSent;
        await database.Outbox.Where(message => message.Service == owner.Role && message.SentAt < before).ExecuteDeleteAsync(cancellationToken);
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

    [LoggerMessage(1, LogLevel.Warning, "The broker did not take a {MessageName} of the outbox; it is tried again: {Reason}")]
    private partial void LogRefused(string messageName, string reason);

    [LoggerMessage(2, LogLevel.Warning, "The outbox cannot be read and is tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
