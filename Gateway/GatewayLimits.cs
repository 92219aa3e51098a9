using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Gateway;

/// <summary>What the door lets through, set on purpose. Messages on gRPC streams are limited by the services.</summary>
internal static class GatewayLimits
{
    /// <summary>Largest JSON or plain image body of a classification in bytes: the largest gRPC message as base64, and some room for the other fields.</summary>
    public const long ClassifyBodyBytes = (MelanomaGrpc.MaxMessageBytes / 3 * 4) + (64 * 1024);

    /// <summary>Largest body of every other JSON call and page in bytes.</summary>
    public const long OtherBodyBytes = 1024 * 1024;

    private const int HeaderBytes = 32 * 1024;

    // Far more than hospitals have systems, far fewer than would eat up the memory; a browser has a handful.
    private const int MaxConnections = 10_000;

    // Windows wide enough that a stream of 1 MiB messages never waits for a window update on a fast network.
    private const int ConnectionWindowBytes = 16 * 1024 * 1024;
    private const int StreamWindowBytes = 4 * 1024 * 1024;

    public static void AddGatewayLimits(this WebApplicationBuilder builder) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = OtherBodyBytes;
        kestrel.Limits.MaxConcurrentConnections = MaxConnections;
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = 100;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        kestrel.Limits.Http2.MaxStreamsPerConnection = 256;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        // A silent stream is fine, a dead peer is not: pings tell them apart.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
    });
}
