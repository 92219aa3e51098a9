using Melanoma.Gateway.Access;
using Melanoma.Gateway.Operations.Failures;

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

    public static void MapOperations(this IEndpointRouteBuilder endpoints) => endpoints.MapGrpcService<OperationsService>().RequireRolesOfTable(Contracts.V1.Operations.Descriptor);
}
