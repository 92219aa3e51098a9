using System.Text.Encodings.Web;
using Melanoma.Gateway.Refusals;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Melanoma.Gateway.Access;

/// <summary>Authenticates by API key (header <c>x-api-key</c>, which is also the gRPC metadata of that name), else by the browser's session cookie.</summary>
internal sealed class CredentialHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logging, UrlEncoder encoder, CredentialDirectory credentials, WrongCredentials wrong)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logging, encoder)
{
    public const string SchemeName = "credential";
    public const string KeyHeader = "x-api-key";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // A key that is sent counts, good or bad: a wrong one never falls back to the cookie.
        if (Request.Headers.TryGetValue(KeyHeader, out var key))
            return await ResultAsync(key.Count == 1 ? key[0] : null, credentials.FindKeyAsync);
        return Request.Cookies.TryGetValue(SessionCookie.Name, out var session)
            ? await ResultAsync(session, credentials.FindSessionAsync)
            : AuthenticateResult.NoResult();
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Context.RefuseAsync(wrong.RefusalFor(Context) ?? Refusal.NotSignedIn);

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Context.RefuseAsync(Refusal.NotAllowed(RoleTable.WantedAt(Context.GetEndpoint())));

    private async Task<AuthenticateResult> ResultAsync(string? secret, Func<string?, CancellationToken, ValueTask<KnownCaller?>> find)
    {
        if (!wrong.MayTry(Context, secret))
            return AuthenticateResult.Fail("too many wrong credentials");
        if (await find(secret, Context.RequestAborted) is { } caller)
            return AuthenticateResult.Success(new AuthenticationTicket(caller, Scheme.Name));
        wrong.Note(Context);
        return AuthenticateResult.Fail("unknown credential");
    }
}
