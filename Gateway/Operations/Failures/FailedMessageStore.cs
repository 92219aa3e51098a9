using Melanoma.Storage;
using Melanoma.Storage.Operations;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>What is known of the failed messages of a queue that wait for a decision.</summary>
/// <param name="Count">How many.</param>
/// <param name="Oldest">When the oldest failed.</param>
internal sealed record WaitingFailures(int Count, DateTimeOffset Oldest);

/// <summary>The rows of failed messages.</summary>
internal sealed class FailedMessageStore(NpgsqlDataSource dataSource, IDbContextFactory<MelanomaDbContext> databases)
{
    /// <summary>Adds rows in one transaction; those that are there already are left as they are.</summary>
    public async Task AddAsync(IReadOnlyCollection<FailedMessage> messages, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            INSERT INTO failed_messages (fingerprint, queue, kind, message_id, message_type, content_type, correlation_id, headers, body, body_bytes,
                exception_type, reason, stack_trace, failed_at, state)
            SELECT fingerprint, queue, kind, message_id, message_type, content_type, correlation_id, headers::jsonb, body, body_bytes,
                exception_type, reason, stack_trace, failed_at, $15
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WITH ORDINALITY AS arrived (fingerprint, queue, kind, message_id,
                message_type, content_type, correlation_id, headers, body, body_bytes, exception_type, reason, stack_trace, failed_at, place)
            ORDER BY place
            ON CONFLICT (fingerprint) DO NOTHING
            """);
        Add(message => message.Fingerprint, NpgsqlDbType.Bytea);
        Add(message => message.Queue, NpgsqlDbType.Text);
        Add(message => message.Kind.ToColumn(), NpgsqlDbType.Text);
        Add(message => message.MessageId, NpgsqlDbType.Text);
        Add(message => message.MessageType, NpgsqlDbType.Text);
        Add(message => message.ContentType, NpgsqlDbType.Text);
        Add(message => message.CorrelationId, NpgsqlDbType.Text);
        Add(message => message.Headers, NpgsqlDbType.Text);
        Add(message => message.Body, NpgsqlDbType.Bytea);
        Add(message => message.BodyBytes, NpgsqlDbType.Integer);
        Add(message => message.ExceptionType, NpgsqlDbType.Text);
        Add(message => message.Reason, NpgsqlDbType.Text);
        Add(message => message.StackTrace, NpgsqlDbType.Text);
        Add(message => message.FailedAt, NpgsqlDbType.TimestampTz);
        command.Parameters.AddWithValue(FailedMessageState.Waiting.ToColumn());
        await command.ExecuteNonQueryAsync(cancellationToken);

        void Add<T>(Func<FailedMessage, T> column, NpgsqlDbType type) =>
            command.Parameters.Add(new NpgsqlParameter { Value = messages.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type });
    }

    /// <summary>Rows without their bodies, the last one to arrive first, and how many there are without regard to <paramref name="before"/>.</summary>
    public async Task<(IReadOnlyList<FailedMessage> Messages, int Total)> ListAsync(
        string? queue, FailedMessageState? state, long before, int count, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var chosen = database.FailedMessages.AsNoTracking();
        if (queue is not null)
            chosen = chosen.Where(message => message.Queue == queue);
        if (state is { } wanted)
            chosen = chosen.Where(message => message.State == wanted);
        var page = await chosen.Where(message => message.Id < before).OrderByDescending(message => message.Id).Take(count)
            .Select(message => new FailedMessage
            {
                Id = message.Id,
                Fingerprint = message.Fingerprint,
                Queue = message.Queue,
                Kind = message.Kind,
                MessageId = message.MessageId,
                MessageType = message.MessageType,
                Headers = "{}",
                BodyBytes = message.BodyBytes,
                ExceptionType = message.ExceptionType,
                Reason = message.Reason,
                FailedAt = message.FailedAt,
                ArrivedAt = message.ArrivedAt,
                State = message.State,
                DecidedBy = message.DecidedBy,
                DecidedAt = message.DecidedAt,
                DecisionReason = message.DecisionReason,
            }).ToListAsync(cancellationToken);
        return (page, await chosen.CountAsync(cancellationToken));
    }

    /// <summary>A row with everything; null where there is none.</summary>
    public async Task<FailedMessage?> FindAsync(long id, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.FailedMessages.AsNoTracking().SingleOrDefaultAsync(message => message.Id == id, cancellationToken);
    }

    /// <summary>Which of the ids are of no row.</summary>
    public async Task<IReadOnlyList<long>> UnknownAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var known = await database.FailedMessages.Where(message => ids.Contains(message.Id)).Select(message => message.Id).ToListAsync(cancellationToken);
        return [.. ids.Except(known)];
    }

    /// <summary>The rows that wait, by queue.</summary>
    public async Task<IReadOnlyDictionary<string, WaitingFailures>> WaitingAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.FailedMessages.Where(message => message.State == FailedMessageState.Waiting).GroupBy(message => message.Queue)
            .Select(group => new { Queue = group.Key, Count = group.Count(), Oldest = group.Min(message => message.FailedAt) })
            .ToDictionaryAsync(group => group.Queue, group => new WaitingFailures(group.Count, group.Oldest), cancellationToken);
    }

    /// <summary>The oldest rows of a queue that wait.</summary>
    public async Task<IReadOnlyList<long>> WaitingAsync(string queue, int count, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.FailedMessages.Where(message => message.Queue == queue && message.State == FailedMessageState.Waiting)
            .OrderBy(message => message.Id).Select(message => message.Id).Take(count).ToListAsync(cancellationToken);
    }

    /// <summary>Marks those of the rows discarded that wait, and says how many.</summary>
    public async Task<int> DiscardAsync(IReadOnlyCollection<long> ids, string decidedBy, string reason, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            UPDATE failed_messages SET state = $1, decided_by = $2, decided_at = clock_timestamp(), decision_reason = $3
            WHERE id = ANY ($4) AND state = $5
            """);
        command.Parameters.AddWithValue(FailedMessageState.Discarded.ToColumn());
        command.Parameters.AddWithValue(decidedBy);
        command.Parameters.AddWithValue(reason);
        command.Parameters.AddWithValue(ids.ToArray());
        command.Parameters.AddWithValue(FailedMessageState.Waiting.ToColumn());
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Deletes rows that were decided on before so much time.</summary>
    public async Task PruneAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("DELETE FROM failed_messages WHERE decided_at < clock_timestamp() - $1");
        command.Parameters.AddWithValue(age);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
