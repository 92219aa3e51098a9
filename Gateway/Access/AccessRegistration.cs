using Melanoma.Gateway.Refusals;
using Melanoma.ServiceDefaults.Callers;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;

namespace Melanoma.Gateway.Access;

/// <summary>Nobody comes in without a credential, except to what says otherwise: health and the sign-in page. What a caller may do is in <see cref="RoleTable"/>.</summary>
internal static class AccessRegistration
{
    /// <summary>Name of the scheme that takes whichever credential a request brings.</summary>
    public const string SchemeName = "melanoma";

    private const string OwnHeaders = "x-melanoma-";

    public static void AddAccess(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AccessOptions>().BindConfiguration(AccessOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton(CallerTokens.Of(builder.Configuration, TimeProvider.System));
        builder.Services.AddSingleton<BrowserSessions>();
        builder.Services.AddSingleton<CredentialDirectory>();
        builder.Services.AddSingleton<OpenCalls>();
        builder.Services.AddSingleton<WrongCredentials>();
        builder.Services.AddHostedService<CredentialWatch>();
        builder.Services.AddAuthentication(SchemeName)
            .AddScheme<AuthenticationSchemeOptions, CredentialHandler>(CredentialHandler.SchemeName, configureOptions: null)
            .AddPolicyScheme(SchemeName, displayName: null, scheme => scheme.ForwardDefaultSelector = SchemeOf(BearerTokens.AreTaken(builder.Configuration)));
        if (BearerTokens.AreTaken(builder.Configuration))
            builder.AddBearerTokens();
        var authorization = builder.Services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        foreach (var roles in RoleTable.Combinations)
            authorization.AddPolicy(RoleTable.PolicyOf(roles), policy => policy.RequireAssertion(asked => asked.User is KnownCaller user && (user.Caller.Roles & roles) != 0));
        // It would write each address, and with it the sign-in tickets, into the log.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning);
    }

    /// <summary>Finds out who calls.</summary>
    public static void UseCallers(this IApplicationBuilder app)
    {
        app.Use((context, next) =>
        {
            RemoveOwnHeaders(context.Request.Headers);
            return next(context);
        });
        app.UseAuthentication();
        app.Use((context, next) =>
            context.User is KnownCaller { Credential: Credential.Session } && CrossSite.IsForged(context.Request) ? context.RefuseAsync(Refusal.CrossSite) : next(context));
        app.Use(app.ApplicationServices.GetRequiredService<OpenCalls>().InvokeAsync);
    }

    // An API key that is sent counts before a token.
    private static Func<HttpContext, string> SchemeOf(bool bearerTokensAreTaken) => context =>
        bearerTokensAreTaken && BearerTokens.IsIn(context.Request) && !context.Request.Headers.ContainsKey(CredentialHandler.KeyHeader)
            ? JwtBearerDefaults.AuthenticationScheme
            : CredentialHandler.SchemeName;

    // Only the Gateway says who calls.
    private static void RemoveOwnHeaders(IHeaderDictionary headers)
    {
        foreach (var name in headers.Keys.Where(name => name.StartsWith(OwnHeaders, StringComparison.OrdinalIgnoreCase)).ToArray())
            headers.Remove(name);
    }
}
