using Melanoma.Contracts.Messages;
using Melanoma.Ingestion.Reviews;
using Melanoma.ServiceDefaults.Messaging;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.Feedback;

/// <summary>Feedback on its way from a hospital to the data team.</summary>
internal static class FeedbackRegistration
{
    public static void DeclareQueues(BusQueues queues) => queues.Add<FeedbackGivenConsumer>(MessageQueues.FeedbackGiven);

    public static WebApplicationBuilder AddFeedback(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<FeedbackOptions>().BindConfiguration(FeedbackOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<FeedbackDelivery>();
        builder.Services.AddSingleton<FeedbackSettlement>();
        builder.Services.AddSingleton<FeedbackIntake>();
        builder.Services.AddSingleton<IHostedService>(services => ActivatorUtilities.CreateInstance<FindingSweep>(
            services, services.GetRequiredService<FeedbackIntake>(), TimeSpan.FromSeconds(services.GetRequiredService<IOptions<FeedbackOptions>>().Value.SweepSeconds)));
        return builder;
    }
}
