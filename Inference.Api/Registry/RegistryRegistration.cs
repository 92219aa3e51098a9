namespace Melanoma.Inference.Registry;

/// <summary>The registry of model versions, and the policy that promotes them.</summary>
internal static class RegistryRegistration
{
    public static WebApplicationBuilder AddRegistry(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<PromotionOptions>().BindConfiguration(PromotionOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<Promotions>();
        builder.Services.AddSingleton<ModelReports>();
        builder.Services.AddSingleton<TestComparer>();
        builder.Services.AddSingleton<PromotionPolicy>();
        builder.Services.AddHostedService<PromotionSweep>();
        return builder;
    }

    public static WebApplication MapRegistry(this WebApplication app)
    {
        app.MapGrpcService<RegistryService>();
        return app;
    }
}
