using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Melanoma.Inference.Models;

/// <summary>Ready when the registry was looked at and, where a version is in production, one answers. A fresh installation without a model is ready.</summary>
internal sealed class ModelHealthCheck(ModelHost host) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        !host.HasLooked ? HealthCheckResult.Unhealthy("the model in production is not loaded yet")
        : host.ProductionVersion is null && host.Problem is { } problem ? HealthCheckResult.Unhealthy(problem.ToString())
        : HealthCheckResult.Healthy());
}
