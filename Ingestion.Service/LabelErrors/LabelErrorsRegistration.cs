using Melanoma.Ingestion.Reviews;
using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Messaging;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.LabelErrors;

/// <summary>Likely label errors on their way from a run to a reviewer.</summary>
internal static class LabelErrorsRegistration
{
    public static void DeclareQueues(BusQueues queues) => queues.Add<LabelErrorsFoundConsumer>(MessageQueues.LabelErrorsFound);

    public static WebApplicationBuilder AddLabelErrors(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<LabelErrorOptions>().BindConfiguration(LabelErrorOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<LabelErrorItems>();
        builder.Services.AddSingleton<IHostedService>(services => ActivatorUtilities.CreateInstance<FindingSweep>(
            services, services.GetRequiredService<LabelErrorItems>(), TimeSpan.FromSeconds(services.GetRequiredService<IOptions<LabelErrorOptions>>().Value.SweepSeconds)));
        return builder;
    }
}
