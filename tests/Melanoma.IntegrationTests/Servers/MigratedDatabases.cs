using System.Collections.Concurrent;
using Melanoma.Storage;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Servers;

/// <summary>Databases with the product's schema: migrated once in a test process, and then copied, which takes a fraction of the time.</summary>
internal static class MigratedDatabases
{
    private static readonly ConcurrentDictionary<TestServers, Lazy<Task<string>>> Originals = new();

    /// <summary>Creates a database with the newest schema and no rows, and returns its connection string (a superuser's).</summary>
    public static async Task<string> CreateMigratedDatabaseAsync(this TestServers servers, CancellationToken cancellationToken)
    {
        var original = Originals.GetOrAdd(servers, static servers => new(() => MigrateAsync(servers)));
        return await servers.CopyDatabaseAsync(await original.Value.WaitAsync(cancellationToken), cancellationToken);
    }

    private static async Task<string> MigrateAsync(TestServers servers)
    {
        var database = await servers.CreateDatabaseAsync(CancellationToken.None);
        await MelanomaDatabase.MigrateAsync(database, CancellationToken.None);
        return database;
    }
}
