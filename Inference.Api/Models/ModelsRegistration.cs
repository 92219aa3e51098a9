using Melanoma.ServiceDefaults;

namespace Melanoma.Inference.Models;

/// <summary>The versions that answer.</summary>
internal static class ModelsRegistration
{
    public static WebApplicationBuilder AddModels(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ModelOptions>().BindConfiguration(ModelOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<ExecutionProvider>();
        builder.Services.AddSingleton<ModelStore>();
        builder.Services.AddSingleton<ModelHost>();
        builder.Services.AddHostedService<ModelReconciler>();
        builder.Services.AddHealthChecks().AddCheck<ModelHealthCheck>("model", tags: [ServiceDefaultsRegistration.ReadyTag]);
        return builder;
    }
}
