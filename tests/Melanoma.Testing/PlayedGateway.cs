using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.Access;
using Melanoma.ServiceDefaults.Callers;

namespace Melanoma.Testing;

/// <summary>Calls services as the Gateway does, for tests and benchmarks of what lies behind it.</summary>
public static class PlayedGateway
{
    private const string CallerName = "tests";
    private const string Tenant = "st-elsewhere";

    /// <summary>The key by which the services of this test process know their Gateway.</summary>
    public static string Key { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    private static readonly CallerTokens Tokens = new(Convert.FromBase64String(Key), previousKey: null, TimeProvider.System);

    /// <summary>A channel whose calls say who calls: "tests", unless a call says otherwise.</summary>
    /// <param name="address">The service's address.</param>
    /// <param name="maxSendMessageSize">Largest message that is sent, in bytes; null for any.</param>
    public static GrpcChannel Connect(Uri address, int? maxSendMessageSize = null) => GrpcChannel.ForAddress(address, new GrpcChannelOptions
    {
        HttpHandler = Handler(new SocketsHttpHandler { EnableMultipleHttp2Connections = true }),
        DisposeHttpClient = true,
        MaxSendMessageSize = maxSendMessageSize,
    });

    /// <summary>A client whose requests say who calls: "tests", unless a request says otherwise.</summary>
    /// <param name="address">The service's address.</param>
    public static HttpClient Browse(Uri address) => new(Handler(new SocketsHttpHandler())) { BaseAddress = address };

    /// <summary>Lets requests say who calls: "tests", unless a request says otherwise.</summary>
    /// <param name="inner">What sends them.</param>
    public static HttpMessageHandler Handler(HttpMessageHandler inner) => new SayingWhoCalls(inner);

    /// <summary>Metadata that say who calls.</summary>
    /// <param name="name">The caller's name.</param>
    /// <param name="tenant">Its tenant.</param>
    /// <param name="roles">What it may do.</param>
    public static Metadata Caller(string name, string tenant = Tenant, CallerRoles roles = CallerRoles.All) => new() { { CallerTokens.Header, Tokens.Issue(new Caller(name, tenant, roles)) } };

    /// <summary>Lets one request say who calls.</summary>
    /// <param name="request">The request.</param>
    /// <param name="name">The caller's name.</param>
    /// <param name="tenant">Its tenant.</param>
    public static void Sign(HttpRequestMessage request, string name, string tenant)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Headers.Add(CallerTokens.Header, Tokens.Issue(new Caller(name, tenant, CallerRoles.All)));
    }

    /// <summary>A token as the Gateway would have issued it at another time.</summary>
    /// <param name="caller">Whose it is.</param>
    /// <param name="at">When.</param>
    public static string Issue(Caller caller, DateTimeOffset at) => new CallerTokens(Convert.FromBase64String(Key), previousKey: null, new StandingClock(at)).Issue(caller);

    /// <summary>Whose token it is.</summary>
    /// <param name="token">What stood in the header.</param>
    public static async Task<Caller?> ReadAsync(string token) => (await Tokens.ReadAsync(token))?.Caller;

    private sealed class StandingClock(DateTimeOffset at) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => at;
    }

    private sealed class SayingWhoCalls(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(request);
            if (!request.Headers.Contains(CallerTokens.Header))
                request.Headers.Add(CallerTokens.Header, Tokens.Issue(new Caller(CallerName, Tenant, CallerRoles.All)));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
