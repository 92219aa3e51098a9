using System.Security.Claims;
using System.Text.Encodings.Web;
using Melanoma.ServiceDefaults.Callers;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Melanoma.Portal.Access;

/// <summary>
/// Knows the person before the page from the Gateway's token, and takes the browser's session from the cookie that the Gateway let through. The session is
/// believed, not checked: each call that the Portal makes with it is checked at the Gateway.
/// </summary>
internal sealed class SessionHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logging, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logging, encoder)
{
    public const string SchemeName = "session";
    public const string CookieName = "melanoma-session";
    public const string SessionClaim = "session";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var gateway = await Context.AuthenticateAsync(GatewayCallers.SchemeName);
        if (gateway.Principal is not CallerPrincipal { Caller: var caller })
            return gateway;
        Claim[] claims = Request.Cookies.TryGetValue(CookieName, out var session) ? [new Claim(SessionClaim, session)] : [];
        return AuthenticateResult.Success(new AuthenticationTicket(new CallerPrincipal(caller, SchemeName, claims), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Context.ChallengeAsync(GatewayCallers.SchemeName);
}
