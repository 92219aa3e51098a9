namespace Melanoma.Inference.Classification;

/// <summary>The main job: an image in, nine probabilities out.</summary>
internal static class ClassificationRegistration
{
    public static WebApplicationBuilder AddClassification(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ClassificationOptions>().BindConfiguration(ClassificationOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<InferenceLanes>();
        builder.Services.AddHostedService(services => services.GetRequiredService<InferenceLanes>());
        builder.Services.AddSingleton<HeldBytes>();
        builder.Services.AddSingleton<BulkStreams>();
        builder.Services.AddSingleton<ServingLoads>();
        builder.Services.AddSingleton<ImageClassifier>();
        builder.Services.AddGrpc().AddServiceOptions<ClassifierService>(options => options.MaxReceiveMessageSize = InferenceServer.MaxBodyBytes);
        return builder;
    }

    public static WebApplication MapClassification(this WebApplication app)
    {
        app.UseMiddleware<RequestAdmission>();
        app.MapGrpcService<ClassifierService>().WithMetadata(new AdmittedByBytes());
        app.MapClassifyEndpoints();
        return app;
    }
}
