using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Melanoma.ServiceDefaults;

/// <summary>What every service has: telemetry, health and discovery, in one call.</summary>
public static class ServiceDefaultsRegistration
{
    /// <summary>Health checks with this tag decide whether the service is ready for traffic.</summary>
    public const string ReadyTag = "ready";

    /// <summary>Adds telemetry, health checks, service discovery and the clock. Spans and meters whose names begin with "Melanoma" are exported.</summary>
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddHealthChecks();
        builder.Services.AddServiceDiscovery();
        builder.Services.ConfigureHttpClientDefaults(http => http.AddServiceDiscovery());
        // One line per statement and per request would drown what an operator looks for; configuration can bring them back.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Logging.AddFilter("System.Net.Http", LogLevel.Warning);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(25));
        builder.AddTelemetry();
        return builder;
    }

    /// <summary>
    /// Maps <c>/health/live</c> (the process answers) and <c>/health/ready</c> (its dependencies are there), the only
    /// routes that need no credentials. Both say in <see cref="ProductVersion.Header"/> what the service was built from.
    /// </summary>
    public static WebApplication MapServiceDefaults(this WebApplication app)
    {
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteLivenessAsync }).AllowAnonymous();
        app.MapHealthChecks("/health/ready", new HealthCheckOptions
        {
            Predicate = check => check.Tags.Contains(ReadyTag),
            ResponseWriter = WriteReadinessAsync,
        }).AllowAnonymous();
        return app;
    }

    private static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        var telemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics.AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddRuntimeInstrumentation()
                .AddMeter("Melanoma*", "MassTransit", "Npgsql"))
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(options => options.Filter = context => !context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal))
                .AddHttpClientInstrumentation().AddSource("Melanoma*", "MassTransit", "Npgsql"));
        if (!string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            telemetry.UseOtlpExporter();
        }
    }

    private static Task WriteLivenessAsync(HttpContext context, HealthReport report)
    {
        context.Response.Headers[ProductVersion.Header] = ProductVersion.Text;
        return context.Response.WriteAsync(report.Status.ToString(), context.RequestAborted);
    }

    // Names the checks that fail, so that `curl /health/ready` tells an operator what is missing; never exception texts.
    private static Task WriteReadinessAsync(HttpContext context, HealthReport report)
    {
        var failing = report.Entries.Where(entry => entry.Value.Status != HealthStatus.Healthy)
            .Select(entry => $"{entry.Key}: {entry.Value.Description ?? "not ready"}");
        context.Response.Headers[ProductVersion.Header] = ProductVersion.Text;
        return context.Response.WriteAsync(report.Status == HealthStatus.Healthy ? "ready\n" : string.Join('\n', failing) + "\n", context.RequestAborted);
    }
}
