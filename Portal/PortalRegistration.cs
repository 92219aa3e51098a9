using Melanoma.Portal.Access;
using Melanoma.Portal.Classification;
using MudBlazor.Services;

namespace Melanoma.Portal;

/// <summary>The web application: pages that stand on the public API, reached through the Gateway alone.</summary>
internal static class PortalRegistration
{
    // Pictures come in over the page's connection in pieces of this size at most.
    private const int HubMessageBytes = 256 * 1024;

    public static WebApplicationBuilder AddPortal(this WebApplicationBuilder builder)
    {
        // Lets a build that was not published find the style sheets and scripts of its packages.
        builder.WebHost.UseStaticWebAssets();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddRazorComponents()
            .AddInteractiveServerComponents()
            .AddHubOptions(hub => hub.MaximumReceiveMessageSize = HubMessageBytes);
        builder.Services.AddMudServices();
        builder.AddGatewaySession();
        builder.AddClassification();
        return builder;
    }

    public static WebApplication MapPortal(this WebApplication app)
    {
        app.UseSecurityHeaders();
        app.UseAuthentication();
        app.UseAntiforgery();
        app.MapStaticAssets();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = "'none'");
        return app;
    }

    private static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var headers = context.Response.Headers;
        // MudBlazor sets sizes and colours in style attributes; scripts come from files of our own and from nowhere else.
        headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
            + "manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()";
        return next(context);
    });
}
