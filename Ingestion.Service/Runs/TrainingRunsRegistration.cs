namespace Melanoma.Ingestion.Runs;

/// <summary>Requests for training runs and cross-validations, and what has become of them.</summary>
internal static class TrainingRunsRegistration
{
    public static WebApplicationBuilder AddTrainingRuns(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<RetrainOptions>().BindConfiguration(RetrainOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<ClassCounts>();
        builder.Services.AddSingleton<RunReader>();
        builder.Services.AddSingleton<TrainableDataset>();
        return builder;
    }

    public static WebApplication MapTrainingRuns(this WebApplication app)
    {
        app.MapGrpcService<TrainingRunsService>();
        app.MapGrpcService<CrossValidationsService>();
        return app;
    }
}
