using Melanoma.Gateway.Refusals;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;

namespace Melanoma.Gateway.Access;

/// <summary>Nobody comes in without a credential, except to what says otherwise: health and the sign-in page.</summary>
internal static class AccessRegistration
{
    private const string OwnHeaders = "x-melanoma-";

    public static void AddAccess(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<CredentialIssuer>();
        builder.Services.AddSingleton<CredentialDirectory>();
        builder.Services.AddAuthentication(CredentialHandler.SchemeName).AddScheme<AuthenticationSchemeOptions, CredentialHandler>(CredentialHandler.SchemeName, configureOptions: null);
        builder.Services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        // It would write each address, and with it the sign-in tickets, into the log.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning);
    }

    public static void UseAccess(this IApplicationBuilder app)
    {
        app.Use((context, next) =>
        {
            RemoveOwnHeaders(context.Request.Headers);
            return next(context);
        });
        app.UseAuthentication();
        app.Use((context, next) => CallerIdentity.IsBySession(context.User) && CrossSite.IsForged(context.Request) ? context.RefuseAsync(Refusal.CrossSite) : next(context));
        app.UseAuthorization();
    }

    // Only the Gateway says who calls.
    private static void RemoveOwnHeaders(IHeaderDictionary headers)
    {
        foreach (var name in headers.Keys.Where(name => name.StartsWith(OwnHeaders, StringComparison.OrdinalIgnoreCase)).ToArray())
            headers.Remove(name);
    }
}
