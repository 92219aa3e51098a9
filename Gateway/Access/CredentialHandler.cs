using System.Text.Encodings.Web;
using Melanoma.Gateway.Refusals;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Melanoma.Gateway.Access;

/// <summary>Authenticates by API key (header <c>x-api-key</c>, which is also the gRPC metadata of that name), else by the browser's session cookie.</summary>
internal sealed class CredentialHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logging, UrlEncoder encoder, CredentialDirectory credentials)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logging, encoder)
{
    public const string SchemeName = "melanoma";
    public const string KeyHeader = "x-api-key";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // A key that is sent counts, good or bad: a wrong one never falls back to the cookie.
        if (Request.Headers.TryGetValue(KeyHeader, out var key))
            return ResultOf(key.Count == 1 ? await credentials.FindKeyAsync(key[0], Context.RequestAborted) : null, bySession: false);
        if (Request.Cookies.TryGetValue(SessionCookie.Name, out var session))
            return ResultOf(await credentials.FindSessionAsync(session, Context.RequestAborted), bySession: true);
        return AuthenticateResult.NoResult();
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Context.RefuseAsync(Refusal.NotSignedIn);

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Context.RefuseAsync(Refusal.NotAllowed);

    private static AuthenticateResult ResultOf(CallerIdentity? caller, bool bySession) => caller is null
        ? AuthenticateResult.Fail("unknown credential")
        : AuthenticateResult.Success(new AuthenticationTicket(caller.ToPrincipal(bySession), SchemeName));
}
