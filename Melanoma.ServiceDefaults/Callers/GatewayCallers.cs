using System.Globalization;
using System.Text.Encodings.Web;
using Grpc.Core;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Melanoma.ServiceDefaults.Callers;

/// <summary>A service behind the Gateway, which takes calls from nobody else.</summary>
public static class GatewayCallers
{
    /// <summary>Name of the authentication scheme.</summary>
    public const string SchemeName = "gateway";

    /// <summary>Refuses, before anything of it is read, every call that the Gateway has not let in; all but health.</summary>
    /// <exception cref="InvalidOperationException">The key of the caller tokens is not configured.</exception>
    public static WebApplicationBuilder AddGatewayCallers(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(CallerTokens.Of(builder.Configuration, TimeProvider.System));
        builder.Services.AddAuthentication(SchemeName).AddScheme<AuthenticationSchemeOptions, GatewayCallerHandler>(SchemeName, configureOptions: null);
        builder.Services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        return builder;
    }
}

/// <summary>Finds out who calls from the Gateway's token.</summary>
internal sealed class GatewayCallerHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logging, UrlEncoder encoder, CallerTokens tokens)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logging, encoder)
{
    private const string Sentence = "Only the Gateway may call this service: send the call to the Gateway's address.";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (!Request.Headers.TryGetValue(CallerTokens.Header, out var token))
            return AuthenticateResult.NoResult();
        return token is [{ } text] && await tokens.ReadAsync(text) is { } caller
            ? AuthenticateResult.Success(new AuthenticationTicket(caller, Scheme.Name))
            : AuthenticateResult.Fail("not a token of the Gateway");
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true)
        {
            Response.ContentType = "application/grpc";
            Response.Headers["grpc-status"] = ((int)StatusCode.Unauthenticated).ToString(CultureInfo.InvariantCulture);
            Response.Headers["grpc-message"] = Sentence;
            return;
        }

        Response.StatusCode = StatusCodes.Status401Unauthorized;
        var details = new ProblemDetails { Status = StatusCodes.Status401Unauthorized, Title = "Not signed in", Detail = Sentence };
        await Response.WriteAsJsonAsync(details, options: null, contentType: "application/problem+json", Context.RequestAborted);
    }
}
