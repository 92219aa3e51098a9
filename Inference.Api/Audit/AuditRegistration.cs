namespace Melanoma.Inference.Audit;

/// <summary>What keeps the audit trail honest: the chain, its verification and export, and retention.</summary>
internal static class AuditRegistration
{
    public static WebApplicationBuilder AddAudit(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AuditOptions>().BindConfiguration(AuditOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<PredictionSealer>();
        builder.Services.AddHostedService(services => services.GetRequiredService<PredictionSealer>());
        builder.Services.AddSingleton<AuditVerifier>();
        builder.Services.AddHostedService<AuditRetention>();
        return builder;
    }

    public static WebApplication MapAudit(this WebApplication app)
    {
        app.MapGrpcService<AuditService>();
        return app;
    }
}
