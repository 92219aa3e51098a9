using System.Net;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Refusals;
using Melanoma.ServiceDefaults.Callers;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Melanoma.Gateway.Routing;

/// <summary>Makes YARP's configuration of the route table and of the addresses in discovery (<c>services__NAME__grpc|http__N</c>).</summary>
internal static class RoutingRegistration
{
    public static void AddRouting(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IProbingRequestFactory, ReadinessProbe>();
        builder.Services.AddReverseProxy()
            .LoadFromMemory([.. RouteTable.Routes.Select(RouteConfigOf)], Clusters(builder.Configuration))
            .ConfigureHttpClient((_, handler) =>
            {
                handler.ConnectTimeout = TimeSpan.FromSeconds(5);
                handler.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
                handler.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
                handler.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
            })
            .AddTransforms(SayWhoCalls)
            .AddTransforms(SendHeadersAtOnce);
    }

    public static void MapRouting(this IEndpointRouteBuilder endpoints)
    {
        endpoints.Map("/v1/{**path}", context => context.RefuseAsync(Refusal.UnknownRoute));
        endpoints.MapReverseProxy(proxy =>
        {
            proxy.UseMiddleware<ForwardingRefusals>();
            proxy.UseLoadBalancing();
            proxy.UsePassiveHealthChecks();
        });
    }

    private static RouteConfig RouteConfigOf(Route route) => new()
    {
        RouteId = route.Name,
        ClusterId = ClusterId(route.Backend, route.Wire),
        Match = new RouteMatch { Path = route.Path, Methods = route.Method is null ? null : [route.Method] },
        // Behind everything else, also behind the answer for an unknown method under /v1.
        Order = route.Backend == Backend.Portal ? int.MaxValue : null,
        MaxRequestBodySize = route.BodyBytes,
        AuthorizationPolicy = route.Roles is { } roles ? RoleTable.PolicyOf(roles) : null,
    };

    private static ClusterConfig[] Clusters(IConfiguration configuration) =>
    [
        .. RouteTable.Routes.Select(route => (route.Backend, route.Wire)).Distinct().Select(at => new ClusterConfig
        {
            ClusterId = ClusterId(at.Backend, at.Wire),
            LoadBalancingPolicy = LoadBalancingPolicies.LeastRequests,
            Destinations = Destinations(configuration, at.Backend, at.Wire),
            HttpRequest = new ForwarderRequestConfig
            {
                Version = at.Wire == Wire.Grpc ? HttpVersion.Version20 : HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                ActivityTimeout = at.Backend.Silence,
            },
            HttpClient = new HttpClientConfig { EnableMultipleHttp2Connections = true },
            HealthCheck = new HealthCheckConfig
            {
                // Where all replicas look ill they are asked all the same: the answer then comes from one that knows why.
                AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
                Active = new ActiveHealthCheckConfig
                {
                    Enabled = Addresses(configuration, at.Backend, Wire.Http).Any(),
                    Interval = TimeSpan.FromSeconds(5),
                    Timeout = TimeSpan.FromSeconds(3),
                    Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures,
                    Path = ReadinessProbe.Path,
                },
                Passive = new PassiveHealthCheckConfig
                {
                    Enabled = true,
                    Policy = HealthCheckConstants.PassivePolicy.TransportFailureRate,
                    ReactivationPeriod = TimeSpan.FromSeconds(5),
                },
            },
        }),
    ];

    private static Dictionary<string, DestinationConfig> Destinations(IConfiguration configuration, Backend backend, Wire wire)
    {
        var health = Addresses(configuration, backend, Wire.Http).ToDictionary();
        return Addresses(configuration, backend, wire).ToDictionary(
            replica => replica.Key, replica => new DestinationConfig { Address = replica.Value, Health = health.GetValueOrDefault(replica.Key) });
    }

    // The key is the replica's number, the same for both endpoints of one replica.
    private static IEnumerable<KeyValuePair<string, string>> Addresses(IConfiguration configuration, Backend backend, Wire wire) =>
        from replica in configuration.GetSection($"services:{backend.Name}:{Name(wire)}").GetChildren()
        where !string.IsNullOrWhiteSpace(replica.Value)
        select KeyValuePair.Create(replica.Key, replica.Value);

    private static void SayWhoCalls(TransformBuilderContext route)
    {
        var toPortal = route.Cluster?.ClusterId == ClusterId(Backend.Portal, Wire.Http);
        var tokens = route.Services.GetRequiredService<CallerTokens>();
        route.AddRequestTransform(transform =>
        {
            var headers = transform.ProxyRequest.Headers;
            headers.Remove(CredentialHandler.KeyHeader);
            headers.Authorization = null;
            // The Portal alone calls back in the browser's name.
            if (!toPortal)
                headers.Remove("Cookie");
            headers.Add(CallerTokens.Header, tokens.Issue(KnownCaller.Of(transform.HttpContext).Caller));
            return ValueTask.CompletedTask;
        });
    }

    /// <summary>
    /// A service that takes a long stream names in its headers what it makes of it, long before its answer: the forwarder alone would hold them back until then.
    /// An answer that is nothing but headers stays one.
    /// </summary>
    private static void SendHeadersAtOnce(TransformBuilderContext route)
    {
        if (route.Cluster?.ClusterId.EndsWith(Name(Wire.Grpc), StringComparison.Ordinal) != true)
            return;
        route.AddResponseTransform(async transform =>
        {
            if (transform.ProxyResponse is { } response && !response.Headers.Contains("grpc-status"))
                await transform.HttpContext.Response.Body.FlushAsync(transform.CancellationToken);
        });
    }

    private static string ClusterId(Backend backend, Wire wire) => $"{backend.Name}-{Name(wire)}";

    private static string Name(Wire wire) => wire == Wire.Grpc ? "grpc" : "http";
}
