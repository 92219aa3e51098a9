namespace Melanoma.Inference.Predictions;

/// <summary>The audit trail.</summary>
internal static class PredictionsRegistration
{
    public static WebApplicationBuilder AddPredictions(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<PredictionWriter>();
        builder.Services.AddHostedService(services => services.GetRequiredService<PredictionWriter>());
        builder.Services.AddSingleton<IdempotencyKeys>();
        builder.Services.AddSingleton<PredictionFeed>();
        return builder;
    }

    public static WebApplication MapPredictions(this WebApplication app)
    {
        app.MapGrpcService<PredictionsService>();
        return app;
    }
}
