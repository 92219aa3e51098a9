using System.Net;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Melanoma.Gateway.Routing;

/// <summary>Asks a replica whether it is ready: always over HTTP/1.1, because readiness is told there also for gRPC endpoints.</summary>
internal sealed class ReadinessProbe : IProbingRequestFactory
{
    public const string Path = "/health/ready";

    public HttpRequestMessage CreateRequest(ClusterModel cluster, DestinationModel destination) =>
        new(HttpMethod.Get, new Uri(new Uri(destination.Config.Health ?? destination.Config.Address), Path))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
}
