using Melanoma.Contracts.Messages;
using Melanoma.Storage;
using Melanoma.Storage.Operations;
using Npgsql;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>What became of messages that were to be put back.</summary>
internal sealed class ReplayOutcome
{
    private const int MaxNamed = 100;

    private readonly List<(long Id, string Reason)> _refused = [];

    /// <summary>How many were put back.</summary>
    public int Replayed { get; set; }

    /// <summary>How many were not, and go on waiting.</summary>
    public int RefusedCount { get; private set; }

    /// <summary>Some of them, and why.</summary>
    public IReadOnlyList<(long Id, string Reason)> Refused => _refused;

    public void Refuse(long id, string reason)
    {
        RefusedCount++;
        if (_refused.Count < MaxNamed)
            _refused.Add((id, reason));
    }
}

/// <summary>
/// Puts failed messages back where they failed. A row is locked, its message published, the broker's confirmation waited for, and then the decision committed: a
/// crash in between leaves the row waiting, so that its message may come twice, which consumers stand, and is never lost.
/// </summary>
internal sealed class MessageReplay(Broker broker, NpgsqlDataSource dataSource)
{
    private const int BatchSize = 100;

    /// <summary>Says of a message that comes from here of which row it is, so that it is told from the first one when it fails again.</summary>
    private const string ReplayedHeader = "melanoma-replayed";

    private static readonly CreateChannelOptions Confirmed = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Puts those of the rows back that wait, the oldest first.</summary>
    /// <exception cref="Exception">The broker is lost, as <see cref="BrokerTrouble"/> tells; what was put back before is committed.</exception>
    public async Task<ReplayOutcome> ReplayAsync(IReadOnlyCollection<long> ids, string decidedBy, CancellationToken cancellationToken)
    {
        var outcome = new ReplayOutcome();
        foreach (var batch in ids.Order().Chunk(BatchSize))
            await ReplayBatchAsync(batch, outcome, decidedBy, cancellationToken);
        return outcome;
    }

    private async Task ReplayBatchAsync(long[] ids, ReplayOutcome outcome, string decidedBy, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var rows = await LockAsync(connection, ids, cancellationToken);
        var published = new List<long>();
        try
        {
            foreach (var ofQueue in rows.GroupBy(row => row.Queue))
                await PublishAsync(ofQueue.Key, [.. ofQueue], published, outcome, cancellationToken);
        }
        finally
        {
            // Also where the caller or the broker has gone away meanwhile.
            await DecideAsync(connection, published, decidedBy);
            await transaction.CommitAsync(CancellationToken.None);
            outcome.Replayed += published.Count;
        }
    }

    // Rows that somebody else is deciding on at this moment are theirs.
    private static async Task<List<Row>> LockAsync(NpgsqlConnection connection, long[] ids, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT id, queue, message_id, content_type, correlation_id, headers, body FROM failed_messages
            WHERE id = ANY ($1) AND state = $2 ORDER BY id FOR UPDATE SKIP LOCKED
            """,
            connection);
        command.Parameters.AddWithValue(ids);
        command.Parameters.AddWithValue(FailedMessageState.Waiting.ToColumn());
        var locked = new List<Row>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            locked.Add(new Row(
                rows.GetInt64(0), rows.GetString(1), OrNull<string>(2), OrNull<string>(3), OrNull<string>(4), rows.GetString(5), OrNull<byte[]>(6)));
        }

        return locked;

        T? OrNull<T>(int column)
            where T : class => rows.IsDBNull(column) ? null : rows.GetFieldValue<T>(column);
    }

    private async Task PublishAsync(string name, IReadOnlyCollection<Row> rows, List<long> published, ReplayOutcome outcome, CancellationToken cancellationToken)
    {
        if (MessageQueues.All.FirstOrDefault(known => known.Name == name) is not { } queue)
        {
            foreach (var row in rows)
                outcome.Refuse(row.Id, $"This version has no queue '{name}': discard the message.");
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        await using var channel = await OpenChannelAsync(patience.Token, cancellationToken);
        var sending = new List<(Row Row, Task Task)>();
        foreach (var row in rows)
        {
            if (row.Body is null)
                outcome.Refuse(row.Id, "Its body was too large to keep, so it cannot be put back: discard it.");
            else
                sending.Add((row, SendAsync(channel, queue, row, row.Body, patience.Token)));
        }

        Exception? lost = null;
        foreach (var (row, task) in sending)
        {
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (task.IsCompletedSuccessfully)
                published.Add(row.Id);
            else if (task.Exception?.InnerException is { } failure && Refusal(failure, queue) is { } reason)
                outcome.Refuse(row.Id, reason);
            else
                lost ??= task.Exception?.InnerException ?? new TimeoutException("The broker did not confirm a message in time.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (lost is not null)
            throw new IOException("The broker was lost while messages were put back.", lost);
    }

    private async Task<IChannel> OpenChannelAsync(CancellationToken patience, CancellationToken cancellationToken)
    {
        try
        {
            return await (await broker.ConnectAsync(patience)).CreateChannelAsync(Confirmed, patience);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("The broker did not answer in time.");
        }
    }

    // The replica that a message failed in may be gone, and consumers are idempotent: it goes to all that there are.
    private static async Task SendAsync(IChannel channel, QueueContract queue, Row row, byte[] body, CancellationToken cancellationToken)
    {
        var (exchange, key) = queue.PerReplica ? (MessageCatalogue.NameOf(queue.Message), "") : ("", queue.Name);
        var headers = AmqpHeaders.FromJson(row.Headers);
        headers[ReplayedHeader] = row.Id;
        var properties = new BasicProperties
        {
            Persistent = true,
            MessageId = row.MessageId,
            ContentType = row.ContentType,
            CorrelationId = row.CorrelationId,
            Headers = headers,
        };
        await channel.BasicPublishAsync(exchange, key, mandatory: true, properties, body, cancellationToken);
    }

    // Null where the broker itself is the trouble.
    private static string? Refusal(Exception failure, QueueContract queue) => failure switch
    {
        PublishException { IsReturn: false } => "The broker did not take it: try again.",
        PublishException or OperationInterruptedException { ShutdownReason.ReplyCode: Constants.NotFound } => queue.PerReplica
            ? $"No replica takes messages of '{queue.Name}' at the moment: start its service and try again."
            : $"The queue '{queue.Name}' is not there: start its service and try again.",
        _ => null,
    };

    private static async Task DecideAsync(NpgsqlConnection connection, List<long> published, string decidedBy)
    {
        if (published.Count == 0)
            return;
        await using var command = new NpgsqlCommand(
            "UPDATE failed_messages SET state = $1, decided_by = $2, decided_at = clock_timestamp() WHERE id = ANY ($3)", connection);
        command.Parameters.AddWithValue(FailedMessageState.Replayed.ToColumn());
        command.Parameters.AddWithValue(decidedBy);
        command.Parameters.AddWithValue(published.ToArray());
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private sealed record Row(long Id, string Queue, string? MessageId, string? ContentType, string? CorrelationId, string Headers, byte[]? Body);
}
