using Grpc.AspNetCore.Server;
using Microsoft.Extensions.DependencyInjection;

namespace Melanoma.ServiceDefaults.Grpc;

/// <summary>gRPC servers of this product in one call.</summary>
public static class MelanomaGrpc
{
    /// <summary>Largest message a service takes, in bytes: an image of 20 MB and what goes with it.</summary>
    public const int MaxMessageBytes = 21 * 1024 * 1024;

    /// <summary>Adds gRPC with limits set on purpose and the one place that turns exceptions into a status.</summary>
    public static IGrpcServerBuilder AddMelanomaGrpc(this IServiceCollection services) =>
        services.AddSingleton<ExceptionInterceptor>().AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = MaxMessageBytes;
            options.MaxSendMessageSize = MaxMessageBytes;
            options.EnableDetailedErrors = false;
            options.Interceptors.Add<ExceptionInterceptor>();
        });
}
