using Melanoma.Augmentation.Batches;
using Melanoma.Augmentation.Planning;
using Melanoma.ServiceDefaults.Messaging;

namespace Melanoma.Augmentation;

/// <summary>Everything of this service in one call.</summary>
internal static class AugmentationRegistration
{
    public static WebApplicationBuilder AddAugmentation(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AugmentationOptions>().BindConfiguration(AugmentationOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<AugmentationPlanner>();
        builder.Services.AddSingleton<BatchLeases>();
        builder.Services.AddSingleton<BatchMaker>();
        builder.Services.AddHostedService<RunSweep>();
        builder.Services.AddHostedService<BatchSweep>();
        return builder;
    }

    /// <summary>The queues that the service takes messages from. One batch at a time: a batch is itself made in parallel, and the rest is for other workers.</summary>
    public static void DeclareQueues(BusQueues queues) =>
        queues.Shared<RunRequestedConsumer>("augmentation.run-requested").Shared<BatchReadyConsumer>("augmentation.batch-ready");
}
