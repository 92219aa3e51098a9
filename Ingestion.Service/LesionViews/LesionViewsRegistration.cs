using Melanoma.Ingestion.Reviews;
using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Messaging;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.LesionViews;

/// <summary>Pictures that are likely to show one lesion, on their way from a run to a reviewer.</summary>
internal static class LesionViewsRegistration
{
    public static void DeclareQueues(BusQueues queues) => queues.Add<LesionViewsFoundConsumer>(MessageQueues.LesionViewsFound);

    public static WebApplicationBuilder AddLesionViews(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<LesionViewOptions>().BindConfiguration(LesionViewOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<LesionViewItems>();
        builder.Services.AddSingleton<IHostedService>(services => ActivatorUtilities.CreateInstance<FindingSweep>(
            services, services.GetRequiredService<LesionViewItems>(), TimeSpan.FromSeconds(services.GetRequiredService<IOptions<LesionViewOptions>>().Value.SweepSeconds)));
        return builder;
    }
}
