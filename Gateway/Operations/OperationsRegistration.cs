using Melanoma.Gateway.Operations.Failures;
using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Gateway.Operations;

/// <summary>What the installation is doing, and what is to be done about messages that failed.</summary>
internal static class OperationsRegistration
{
    public static void AddOperations(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<OperationsOptions>().BindConfiguration(OperationsOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<Broker>();
        builder.Services.AddSingleton<QueueDepths>();
        builder.Services.AddSingleton<ReplicaProbe>();
        builder.Services.AddSingleton<WorkRows>();
        builder.Services.AddSingleton<FailedMessageStore>();
        builder.Services.AddSingleton<MessageReplay>();
        builder.Services.AddHostedService<FailedMessageDrain>();
        builder.Services.AddHostedService<DecidedMessageSweep>();
    }

    public static void MapOperations(this WebApplication app)
    {
        app.UseWhen(
            context => context.Request.Path.StartsWithSegments($"/{Contracts.V1.Operations.Descriptor.FullName}", StringComparison.Ordinal),
            own => own.UseMiddleware<UnreadableMessages>());
        app.MapGrpcService<OperationsService>();
    }
}
