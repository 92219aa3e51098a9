using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Npgsql;

namespace Melanoma.Storage;

/// <summary>How to reach the database, how to bring its schema up to date, and the channels on which it wakes listeners.</summary>
public static class MelanomaDatabase
{
    /// <summary>Name of the connection string in configuration.</summary>
    public const string ConnectionName = "melanoma";

    /// <summary>NOTIFY channel for new outbox rows; the payload is the service's short name.</summary>
    public const string OutboxChannel = "melanoma_outbox";

    /// <summary>NOTIFY channel for changes of runs; the payload is the run's id, or empty when several may have changed.</summary>
    public const string RunsChannel = "melanoma_runs";

    /// <summary>NOTIFY channel for API keys and sessions that have ended or changed, so that no Gateway goes by what it remembers of them.</summary>
    public const string CredentialsChannel = "melanoma_credentials";

    /// <summary>NOTIFY channel for audit rows that were sealed; the payload is the tenant that has new ones in its feed.</summary>
    public const string PredictionsChannel = "melanoma_predictions";

    /// <summary>The connection string with which a service takes its role.</summary>
    /// <remarks>Connections are not reset on return to the pool, because a reset would drop the role; nothing here keeps session state.</remarks>
    public static string ConnectionStringFor(string connectionString, ServiceRole role) => new NpgsqlConnectionStringBuilder(connectionString)
    {
        Options = $"-c role={role.DatabaseRole()}",
        NoResetOnClose = true,
        ApplicationName = role.ServiceName(),
    }.ConnectionString;

    /// <summary>Applies the provider and the naming convention that the migrations were made with.</summary>
    public static DbContextOptionsBuilder UseMelanoma(this DbContextOptionsBuilder options, NpgsqlDataSource dataSource) =>
        options.UseNpgsql(dataSource).UseSnakeCaseNamingConvention();

    /// <summary>Brings the schema and the rules of the audit up to date and grants each service its tables. Run by one process, as the owner of the database; safe to repeat.</summary>
    public static async Task MigrateAsync(string ownerConnectionString, CancellationToken cancellationToken)
    {
        await using var dataSource = NpgsqlDataSource.Create(ownerConnectionString);
        var options = new DbContextOptionsBuilder<MelanomaDbContext>();
        options.UseMelanoma(dataSource);
        await using var database = new MelanomaDbContext(options.Options);
        await database.Database.MigrateAsync(cancellationToken);
        await ExecuteAsync(dataSource, "Predictions.AuditRules.sql", cancellationToken);
        await ExecuteAsync(dataSource, "Roles.Grants.sql", cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlDataSource dataSource, string script, CancellationToken cancellationToken)
    {
        await using var stream = typeof(MelanomaDatabase).Assembly.GetManifestResourceStream($"Melanoma.Storage.{script}")!;
        using var reader = new StreamReader(stream);
        await using var command = dataSource.CreateCommand(await reader.ReadToEndAsync(cancellationToken));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>Lets <c>dotnet ef migrations add</c> build the model; it never connects.</summary>
internal sealed class DesignTimeDbContextFactory : IDesignTimeDbContextFactory<MelanomaDbContext>
{
    public MelanomaDbContext CreateDbContext(string[] args)
    {
        var options = new DbContextOptionsBuilder<MelanomaDbContext>();
        options.UseNpgsql("Host=localhost").UseSnakeCaseNamingConvention();
        return new MelanomaDbContext(options.Options);
    }
}
