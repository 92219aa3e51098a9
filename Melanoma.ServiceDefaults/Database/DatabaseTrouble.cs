using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.ServiceDefaults.Database;

/// <summary>What a loop in the background waits out instead of stopping its host.</summary>
public static class DatabaseTrouble
{
    /// <summary>Whether the exception says that the database is not there, or not migrated, yet; also as Entity Framework wraps it.</summary>
    public static bool Is(Exception exception) =>
        exception is NpgsqlException or DbUpdateException or TimeoutException or InvalidOperationException { InnerException: NpgsqlException };
}
