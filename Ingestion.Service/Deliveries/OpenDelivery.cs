using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>
/// A delivery that is coming in. As long as it does, its process holds a lock on a connection of its own: the database
/// lets go of it when the process dies, however that happens, and whoever can take it knows that nobody receives any more.
/// </summary>
internal sealed class OpenDelivery : IAsyncDisposable
{
    private readonly NpgsqlDataSource _dataSource;
    private readonly NpgsqlConnection _connection;
    private readonly TimeProvider _time;

    private OpenDelivery(Guid id, NpgsqlDataSource dataSource, NpgsqlConnection connection, TimeProvider time)
    {
        Id = id;
        _dataSource = dataSource;
        _connection = connection;
        _time = time;
    }

    public Guid Id { get; }

    public static async Task<OpenDelivery> BeginAsync(
        NpgsqlDataSource dataSource, TimeProvider time, string name, string deliveredBy, CancellationToken cancellationToken)
    {
        var delivery = new OpenDelivery(Guid.CreateVersion7(), dataSource, await dataSource.OpenConnectionAsync(cancellationToken), time);
        try
        {
            // The lock first: a delivery without it counts as left behind.
            await delivery.ExecuteAsync("SELECT pg_advisory_lock($1)", cancellationToken, LockKey(delivery.Id));
            await delivery.ExecuteAsync(
                "INSERT INTO deliveries (id, name, state, delivered_by, received_at) VALUES ($1, $2, $3, $4, $5)", cancellationToken,
                delivery.Id, name, DeliveryState.Receiving.ToColumn(), deliveredBy, time.GetUtcNow());
            return delivery;
        }
        catch (Exception)
        {
            await delivery.DisposeAsync();
            throw;
        }
    }

    /// <summary>The lock of a delivery: the random half of its id.</summary>
    public static long LockKey(Guid id) => BitConverter.ToInt64(id.ToByteArray(), 8);

    public Task CompleteAsync() => FinishAsync(
        "UPDATE deliveries SET state = $2, completed_at = $3 WHERE id = $1", Id, DeliveryState.Completed.ToColumn(), _time.GetUtcNow());

    public Task AbandonAsync() => FinishAsync(
        "UPDATE deliveries SET state = $2 WHERE id = $1 AND state = $3", Id, DeliveryState.Abandoned.ToColumn(), DeliveryState.Receiving.ToColumn());

    public async ValueTask DisposeAsync()
    {
        try
        {
            // Connections go back to the pool as they are, so the lock is given back by hand.
            await ExecuteAsync("SELECT pg_advisory_unlock_all()", CancellationToken.None);
            await _connection.DisposeAsync();
        }
        catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException)
        {
            await DatabaseSession.EndAsync(_dataSource, _connection);
        }
    }

    // The lock's connection says nothing while the files come, and may have been cut as idle: what was stored is finished all the same.
    private async Task FinishAsync(string sql, params object[] parameters)
    {
        try
        {
            await ExecuteAsync(sql, CancellationToken.None, parameters);
        }
        catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException && _connection.FullState != System.Data.ConnectionState.Open)
        {
            await using var fresh = await _dataSource.OpenConnectionAsync(CancellationToken.None);
            await ExecuteAsync(fresh, sql, CancellationToken.None, parameters);
        }
    }

    private Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] parameters) =>
        ExecuteAsync(_connection, sql, cancellationToken, parameters);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
