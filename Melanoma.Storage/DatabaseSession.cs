using Npgsql;

namespace Melanoma.Storage;

/// <summary>Ends sessions that must not go back to the pool, because they may hold a lock: whoever took them next would hold it without knowing.</summary>
public static class DatabaseSession
{
    /// <summary>Ends a session.</summary>
    /// <param name="dataSource">Where the connection was opened.</param>
    /// <param name="connection">Not to be used any more.</param>
    public static async Task EndAsync(NpgsqlDataSource dataSource, NpgsqlConnection connection)
    {
        // Connections that are out when the pool is cleared are closed instead of going back. NpgsqlConnection.ClearPool knows no pool of a data source.
        dataSource.Clear();
        await connection.DisposeAsync();
    }
}
