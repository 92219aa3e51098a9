using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Training.CrossValidations;
using Melanoma.Training.Embeddings;
using Melanoma.Training.Images;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.LesionViews;
using Melanoma.Training.Runs;
using Melanoma.Training.WarmStart;

namespace Melanoma.Training;

/// <summary>The training worker in two calls.</summary>
internal static class TrainingRegistration
{
    /// <summary>Every replica is woken: the one that a shared queue would choose may be busy for hours.</summary>
    public static void DeclareQueues(BusQueues queues) => queues.Add<AugmentationCompletedConsumer>(MessageQueues.AugmentationCompleted);

    public static WebApplicationBuilder AddTraining(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<TrainingOptions>().BindConfiguration(TrainingOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<WakeUp>();
        builder.Services.AddSingleton<TrainingDevice>();
        builder.Services.AddSingleton<ForgottenImages>();
        builder.Services.AddSingleton<DatasetImages>();
        builder.Services.AddSingleton<DatasetClaims>();
        builder.Services.AddSingleton<RunEmbedder>();
        builder.Services.AddSingleton<LabelErrorSearch>();
        builder.Services.AddSingleton<DatasetPictures>();
        builder.Services.AddSingleton<LesionViewSearch>();
        builder.Services.AddSingleton<StartVersions>();
        builder.Services.AddSingleton<RunLedger>();
        builder.Services.AddSingleton<FoldLedger>();
        builder.Services.AddSingleton<RunTraining>();
        builder.Services.AddHostedService<BundledModel>();
        builder.Services.AddHostedService<TrainingLoop>();
        return builder;
    }
}
