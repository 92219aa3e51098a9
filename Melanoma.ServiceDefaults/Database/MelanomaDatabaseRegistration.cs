using Melanoma.Storage;
using Melanoma.Storage.Roles;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Melanoma.ServiceDefaults.Database;

/// <summary>The database in one call.</summary>
public static class MelanomaDatabaseRegistration
{
    /// <summary>
    /// Adds an <see cref="NpgsqlDataSource"/> and an <see cref="IDbContextFactory{TContext}"/> that act under the service's
    /// role, <see cref="DatabaseNotifications"/>, and a readiness check that wants the schema to be up to date.
    /// </summary>
    /// <exception cref="InvalidOperationException">The connection string <c>melanoma</c> is not configured.</exception>
    public static WebApplicationBuilder AddMelanomaDatabase(this WebApplicationBuilder builder, ServiceRole role)
    {
        var connectionString = builder.Configuration.GetConnectionString(MelanomaDatabase.ConnectionName)
            ?? throw new InvalidOperationException("The connection string 'melanoma' is missing: set ConnectionStrings__melanoma to a Postgres connection string.");

        builder.Services.AddSingleton(_ => new NpgsqlDataSourceBuilder(MelanomaDatabase.ConnectionStringFor(connectionString, role)).Build());
        builder.Services.AddPooledDbContextFactory<MelanomaDbContext>((services, options) => options.UseMelanoma(services.GetRequiredService<NpgsqlDataSource>()));
        builder.Services.AddSingleton<DatabaseNotifications>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DatabaseNotifications>());
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database", tags: [ServiceDefaultsRegistration.ReadyTag]);
        return builder;
    }
}
