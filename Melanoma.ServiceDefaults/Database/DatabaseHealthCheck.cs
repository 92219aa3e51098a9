using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace Melanoma.ServiceDefaults.Database;

/// <summary>Ready when the database answers and has every migration that this build knows.</summary>
internal sealed class DatabaseHealthCheck(IDbContextFactory<MelanomaDbContext> databases) : IHealthCheck
{
    private volatile bool _migrated;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var database = await databases.CreateDbContextAsync(cancellationToken);
            if (_migrated)
            {
                await database.Database.ExecuteSqlRawAsync("SELECT 1", cancellationToken);
                return HealthCheckResult.Healthy();
            }

            // A schema never goes back while a service runs, so the long question is asked only until the first yes.
            _migrated = !(await database.Database.GetPendingMigrationsAsync(cancellationToken)).Any();
            return _migrated ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("the schema is not up to date; run `Ingestion.Service migrate`");
        }
        catch (NpgsqlException exception)
        {
            return HealthCheckResult.Unhealthy("the database does not answer", exception);
        }
    }
}
