using System.Collections.Immutable;
using Google.Api;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using Melanoma.Contracts.Access;
using Melanoma.Contracts.V1;
using Melanoma.Gateway.Access;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Melanoma.Gateway.Routing;

/// <summary>Where each call goes. The JSON routes of a service are those that its proto declares, so that no list can fall behind another.</summary>
internal static class RouteTable
{
    /// <summary>The gRPC services behind the Gateway, and who answers them.</summary>
    public static ImmutableArray<ServiceRow> Services { get; } =
    [
        new(ImageCatalog.Descriptor, Backend.Ingestion),
        new(Datasets.Descriptor, Backend.Ingestion),
        new(Reviews.Descriptor, Backend.Ingestion),
        new(TrainingRuns.Descriptor, Backend.Ingestion),
        new(CrossValidations.Descriptor, Backend.Ingestion),
        new(Classifier.Descriptor, Backend.Inference, GatewayLimits.ClassifyBodyBytes),
        new(ModelRegistry.Descriptor, Backend.Inference),
        new(Predictions.Descriptor, Backend.Inference),
        new(Audit.Descriptor, Backend.Inference),
    ];

    /// <summary>The gRPC services that the Gateway answers itself; no route leads on from them.</summary>
    public static ImmutableArray<ServiceDescriptor> OwnServices { get; } = [Contracts.V1.Keys.Descriptor, Contracts.V1.Operations.Descriptor];

    /// <summary>Every route to a service. What no other takes is a page of the Portal.</summary>
    public static ImmutableArray<Route> Routes { get; } =
    [
        .. Services.SelectMany(GrpcRoutes),
        .. Services.SelectMany(JsonRoutes),
        new("portal", "/{**path}", Method: null, Backend.Portal, Wire.Http, GatewayLimits.OtherBodyBytes, Roles: null),
    ];

    /// <summary>What gRPC reflection tells.</summary>
    public static ImmutableArray<ServiceDescriptor> Descriptors { get; } =
        [.. Services.Select(row => row.Service), .. OwnServices, Health.Descriptor, ServerReflection.Descriptor, Grpc.Reflection.V1.ServerReflection.Descriptor];

    private static IEnumerable<Route> GrpcRoutes(ServiceRow row) => row.Service.Methods.Select(method =>
        new Route($"{method.FullName} gRPC", $"/{row.Service.FullName}/{method.Name}", "POST", row.Backend, Wire.Grpc, BodyBytes: null, RoleTable.Of(method)));

    private static IEnumerable<Route> JsonRoutes(ServiceRow row) =>
        from method in row.Service.Methods
        let rule = method.GetOptions()?.GetExtension(AnnotationsExtensions.Http)
        where rule is not null
        let pattern = PatternOf(rule)
        select new Route(method.FullName, pattern.Path, pattern.Method, row.Backend, Wire.Http, row.JsonBodyBytes, RoleTable.Of(method));

    /// <summary>The method and the path of a JSON route.</summary>
    public static (string Method, string Path) PatternOf(HttpRule rule) => rule.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => ("GET", rule.Get),
        HttpRule.PatternOneofCase.Post => ("POST", rule.Post),
        HttpRule.PatternOneofCase.Put => ("PUT", rule.Put),
        HttpRule.PatternOneofCase.Patch => ("PATCH", rule.Patch),
        HttpRule.PatternOneofCase.Delete => ("DELETE", rule.Delete),
        _ => throw new InvalidOperationException($"The HTTP rule {rule} has no path."),
    };
}

/// <summary>A gRPC service and who answers it, over gRPC and as JSON.</summary>
/// <param name="Service">The service's proto.</param>
/// <param name="Backend">Who answers.</param>
/// <param name="JsonBodyBytes">Largest body of its JSON calls in bytes.</param>
internal sealed record ServiceRow(ServiceDescriptor Service, Backend Backend, long JsonBodyBytes = GatewayLimits.OtherBodyBytes);

/// <summary>One route.</summary>
/// <param name="Name">The proto's name for it, unique.</param>
/// <param name="Path">Route template.</param>
/// <param name="Method">HTTP method; null for all.</param>
/// <param name="Backend">Who answers.</param>
/// <param name="Wire">How the Gateway speaks to them.</param>
/// <param name="BodyBytes">Largest body in bytes; null where the service limits each message instead.</param>
/// <param name="Roles">Who may call: whoever has one of these roles; null for any caller.</param>
internal sealed record Route(string Name, string Path, string? Method, Backend Backend, Wire Wire, long? BodyBytes, CallerRoles? Roles);

/// <summary>The endpoint of a service, by its name in discovery.</summary>
internal enum Wire
{
    /// <summary>HTTP/2 without negotiation.</summary>
    Grpc = 0,

    /// <summary>HTTP/1.1: JSON and pages.</summary>
    Http = 1,
}
