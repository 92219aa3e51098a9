using Melanoma.Augmentation.Batches;
using Melanoma.Augmentation.Forgetting;
using Melanoma.Augmentation.Planning;
using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Messaging;

namespace Melanoma.Augmentation;

/// <summary>Everything of this service in one call.</summary>
internal static class AugmentationRegistration
{
    /// <summary>To be added before the bus: services stop in reverse order, and batches are handed back when no more messages come.</summary>
    public static WebApplicationBuilder AddAugmentation(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AugmentationOptions>().BindConfiguration(AugmentationOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<AugmentationPlanner>();
        builder.Services.AddSingleton<BatchLeases>();
        builder.Services.AddSingleton<BatchMaker>();
        builder.Services.AddHostedService<BatchHandBack>();
        builder.Services.AddHostedService<RunSweep>();
        builder.Services.AddHostedService<BatchSweep>();
        builder.Services.AddSingleton<ForgottenVariants>();
        builder.Services.AddHostedService<ForgottenSweep>();
        return builder;
    }

    /// <summary>The queues that the service takes messages from. One batch at a time: a batch is itself made in parallel, and the rest is for other workers.</summary>
    public static void DeclareQueues(BusQueues queues) =>
        queues.Add<RunRequestedConsumer>(MessageQueues.RunRequested).Add<BatchReadyConsumer>(MessageQueues.BatchReady)
            .Add<ImagesForgottenConsumer>(MessageQueues.ImagesForgotten);
}
