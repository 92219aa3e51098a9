using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Melanoma.ServiceDefaults.Grpc;

/// <summary>gRPC servers of this product in one call.</summary>
public static class MelanomaGrpc
{
    /// <summary>Largest message a service takes, in bytes: an image of 20 MB and what goes with it.</summary>
    public const int MaxMessageBytes = 21 * 1024 * 1024;

    /// <summary>Name of the header in which the Gateway names the API key that called.</summary>
    public const string CallerHeader = "x-melanoma-caller";

    /// <summary>Name of the header in which the Gateway names the owner of the API key that called.</summary>
    public const string TenantHeader = "x-melanoma-tenant";

    /// <summary>Adds gRPC with limits set on purpose and the one place that turns exceptions into a status.</summary>
    public static IGrpcServerBuilder AddMelanomaGrpc(this IServiceCollection services) =>
        services.AddSingleton<ExceptionInterceptor>().AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = MaxMessageBytes;
            options.MaxSendMessageSize = MaxMessageBytes;
            options.EnableDetailedErrors = false;
            options.Interceptors.Add<ExceptionInterceptor>();
        });

    /// <summary>Who calls: the name of an API key, and its owner, as the Gateway says.</summary>
    public static Caller GetCaller(this ServerCallContext context) => new(
        context.RequestHeaders.GetValue(CallerHeader) ?? "unknown", context.RequestHeaders.GetValue(TenantHeader) ?? "unknown");
}

/// <summary>Who calls.</summary>
/// <param name="Name">Name of the API key.</param>
/// <param name="Tenant">Owner of the API key.</param>
public sealed record Caller(string Name, string Tenant);
