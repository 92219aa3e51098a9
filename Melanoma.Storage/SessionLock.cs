using Npgsql;

namespace Melanoma.Storage;

/// <summary>
/// What only one replica does at a time, for as long as it takes: it holds a lock on a connection of its own, which the database lets go of when the process dies.
/// Not for several threads at once.
/// </summary>
/// <param name="dataSource">Where the lock is.</param>
/// <param name="key">One of <see cref="AdvisoryLocks"/>.</param>
public sealed class SessionLock(NpgsqlDataSource dataSource, long key) : IAsyncDisposable
{
    private NpgsqlConnection? _connection;

    /// <summary>Whether this process has the lock, or could take it now.</summary>
    /// <param name="cancellationToken">Stops asking.</param>
    /// <exception cref="NpgsqlException">The database cannot be asked.</exception>
    public async Task<bool> HoldAsync(CancellationToken cancellationToken)
    {
        if (_connection is { } held)
        {
            try
            {
                await ExecuteAsync(held, "SELECT true", cancellationToken);
                return true;
            }
            catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException)
            {
                _connection = null;
                await DatabaseSession.EndAsync(dataSource, held);
            }
        }

        var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        try
        {
            if (await ExecuteAsync(connection, "SELECT pg_try_advisory_lock($1)", cancellationToken, key))
            {
                _connection = connection;
                return true;
            }
        }
        catch (Exception)
        {
            // The database may have given the lock although its answer did not come.
            await DatabaseSession.EndAsync(dataSource, connection);
            throw;
        }

        await connection.DisposeAsync();
        return false;
    }

    /// <summary>Lets go of the lock.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_connection is not { } connection)
            return;
        _connection = null;
        try
        {
            // Connections go back to the pool as they are, so the lock is given back by hand.
            await ExecuteAsync(connection, "SELECT pg_advisory_unlock($1)", CancellationToken.None, key);
            await connection.DisposeAsync();
        }
        catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException)
        {
            await DatabaseSession.EndAsync(dataSource, connection);
        }
    }

    private static async Task<bool> ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
