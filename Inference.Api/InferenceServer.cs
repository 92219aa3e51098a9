using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Inference;

/// <summary>What all features of this service stand on: gRPC with JSON transcoding, health and reflection, and the limits of a request.</summary>
internal static class InferenceServer
{
    /// <summary>
    /// Largest body in bytes, above the 20 MB of an image on purpose: a picture of up to 50 MB, in JSON a third longer as
    /// base64, is to reach the code that says in words what is wrong with it. Larger ones the server cuts off.
    /// </summary>
    public const int MaxBodyBytes = 64 * 1024 * 1024;

    /// <summary>Connections at a time, further ones are closed: each may hold a megabyte that nobody has read yet, and the Gateway needs few.</summary>
    private const int MaxConnections = 1024;

    public static WebApplicationBuilder AddInferenceServer(this WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = MaxBodyBytes + 1024;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
        });
        builder.Services.AddMelanomaGrpc().AddJsonTranscoding();
        builder.Services.AddGrpcReflection();
        builder.Services.AddGrpcHealthChecks(health => health.Services.Map("", check => check.Tags.Contains(ServiceDefaultsRegistration.ReadyTag)));
        builder.Services.AddProblemDetails();
        builder.Services.AddSingleton<InferenceMetrics>();
        return builder;
    }

    public static WebApplication MapInferenceServer(this WebApplication app)
    {
        app.UseMiddleware<UnreadableMessages>();
        app.MapGrpcHealthChecksService().AllowAnonymous();
        app.MapGrpcReflectionService();
        return app;
    }
}
