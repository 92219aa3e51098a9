using System.Security.Claims;
using System.Text.Encodings.Web;
using Melanoma.ServiceDefaults.Grpc;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Melanoma.Portal.Access;

/// <summary>
/// Takes the browser's session from the cookie that the Gateway let through. It is believed, not checked: only the Gateway reaches the Portal, and each
/// call that the Portal makes with it is checked there.
/// </summary>
internal sealed class SessionHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logging, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logging, encoder)
{
    public const string SchemeName = "session";
    public const string CookieName = "melanoma-session";
    public const string SessionClaim = "session";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (!Request.Cookies.TryGetValue(CookieName, out var session))
            return Task.FromResult(AuthenticateResult.NoResult());
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, Request.Headers[MelanomaGrpc.CallerHeader].ToString()), new Claim(SessionClaim, session)], SchemeName);
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName)));
    }
}
