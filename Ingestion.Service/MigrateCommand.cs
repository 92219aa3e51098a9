using System.Net.Sockets;
using Melanoma.Storage;
using Npgsql;

namespace Melanoma.Ingestion;

/// <summary><c>Ingestion.Service migrate</c>: brings the schema up to date and grants each service its tables; safe to repeat.</summary>
internal static class MigrateCommand
{
    public const string Name = "migrate";

    private const int Done = 0;
    private const int Failed = 1;
    private const int NotConfigured = 2;

    public static async Task<int> RunAsync(IConfiguration configuration, CancellationToken cancellationToken = default)
    {
        if (configuration.GetConnectionString(MelanomaDatabase.ConnectionName) is not { Length: > 0 } connectionString)
        {
            await Console.Error.WriteLineAsync("migrate: the connection string 'melanoma' is missing: set ConnectionStrings__melanoma to a Postgres connection string.");
            return NotConfigured;
        }

        try
        {
            var target = new NpgsqlConnectionStringBuilder(connectionString);
            Console.WriteLine($"Migrating database '{target.Database}' on {target.Host}:{target.Port}");
            await MelanomaDatabase.MigrateAsync(connectionString, cancellationToken);
            Console.WriteLine("The schema is up to date and every service has its role.");
            return Done;
        }
        catch (Exception exception) when (exception is NpgsqlException or SocketException or ArgumentException)
        {
            await Console.Error.WriteLineAsync($"migrate: {exception.Message}");
            return Failed;
        }
    }
}
