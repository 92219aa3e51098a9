using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.Augmentation;

/// <summary>Tells what a sweep waits out: a database that is not there, or not migrated, yet.</summary>
internal static class DatabaseTrouble
{
    public static bool Is(Exception exception) => exception is NpgsqlException or DbUpdateException or TimeoutException or InvalidOperationException { InnerException: NpgsqlException };
}
