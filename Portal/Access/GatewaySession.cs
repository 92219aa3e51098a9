using Grpc.Core;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Components.Authorization;

namespace Melanoma.Portal.Access;

/// <summary>gRPC clients that call the Gateway as the person before the page.</summary>
internal static class GatewaySession
{
    public static void AddGatewaySession(this WebApplicationBuilder builder)
    {
        builder.Services.AddAuthentication(SessionHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, SessionHandler>(SessionHandler.SchemeName, configureOptions: null);
        builder.Services.AddAuthorization();
        builder.Services.AddCascadingAuthenticationState();
    }

    /// <summary>Adds a client of one of the Gateway's services. Resolve it within a page: its calls carry that page's session.</summary>
    public static void AddGatewayClient<TClient>(this IServiceCollection services, int maxMessageBytes)
        where TClient : ClientBase<TClient> =>
        services.AddGrpcClient<TClient>(options => options.Address = new Uri("http://_grpc.gateway"))
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                UseCookies = false,
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                KeepAlivePingDelay = TimeSpan.FromSeconds(30),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            })
            .ConfigureChannel(channel =>
            {
                channel.MaxSendMessageSize = maxMessageBytes;
                channel.MaxReceiveMessageSize = maxMessageBytes;
                // The way to the Gateway is inside the installation; with TLS it would be the Gateway's own certificate.
                channel.UnsafeUseInsecureChannelCallCredentials = true;
            })
            .AddCallCredentials(AddSessionAsync);

    // The page's connection brought the session with it; it is kept with the page's user and nowhere else.
    private static async Task AddSessionAsync(AuthInterceptorContext context, Metadata metadata, IServiceProvider services)
    {
        var state = await services.GetRequiredService<AuthenticationStateProvider>().GetAuthenticationStateAsync();
        if (state.User.FindFirst(SessionHandler.SessionClaim) is { } session)
            metadata.Add("cookie", $"{SessionHandler.CookieName}={session.Value}");
    }
}
