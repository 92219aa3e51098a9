using Grpc.Reflection;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Keys;
using Melanoma.Gateway.Limits;
using Melanoma.Gateway.OpenApi;
using Melanoma.Gateway.Operations;
using Melanoma.Gateway.Refusals;
using Melanoma.Gateway.Routing;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Gateway;

/// <summary>The only door: who may come in, and where each call goes.</summary>
internal static class GatewayRegistration
{
    public static WebApplicationBuilder AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddGatewayLimits();
        builder.AddAccess();
        builder.AddCallerLimits();
        builder.AddKeys();
        builder.AddRouting();
        builder.AddOperations();
        builder.Services.AddProblemDetails();
        builder.Services.AddMelanomaGrpc().AddJsonTranscoding();
        builder.Services.AddGrpcHealthChecks();
        builder.Services.AddSingleton(new ReflectionServiceImpl(RouteTable.Descriptors));
        builder.Services.AddSingleton(new ReflectionV1ServiceImpl(RouteTable.Descriptors));
        return builder;
    }

    public static WebApplication MapGateway(this WebApplication app)
    {
        app.UseRefusalsForExceptions();
        app.UseCallers();
        app.UseCallerLimits();
        app.UseAuthorization();
        app.UseMiddleware<UnreadableMessages>();
        app.MapServiceDefaults();
        app.MapGrpcHealthChecksService().AllowAnonymous();
        app.MapGrpcService<ReflectionServiceImpl>();
        app.MapGrpcService<ReflectionV1ServiceImpl>();
        app.MapKeys();
        app.MapSignIn();
        app.MapOperations();
        app.MapOpenApi();
        app.MapRouting();
        return app;
    }
}
