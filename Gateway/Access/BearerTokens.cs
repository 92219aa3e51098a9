using System.Security.Claims;
using Melanoma.Contracts.Access;
using Melanoma.ServiceDefaults.Callers;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Melanoma.Gateway.Access;

/// <summary>Callers that an identity provider vouches for (OpenID Connect): its signed tokens name the caller, its tenant and its roles.</summary>
internal static class BearerTokens
{
    // Signatures by the provider's private key alone: a token under HMAC would be signed with what everybody can read.
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>Whether the request brings a bearer token.</summary>
    public static bool IsIn(HttpRequest request) => request.Headers.Authorization is [{ } header, ..] && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an identity provider is named.</summary>
    public static bool AreTaken(IConfiguration configuration) => !string.IsNullOrEmpty(configuration[$"{AccessOptions.Section}:{nameof(AccessOptions.Bearer)}:{nameof(BearerOptions.Authority)}"]);

    public static void AddBearerTokens(this WebApplicationBuilder builder)
    {
        builder.Services.AddAuthentication().AddJwtBearer();
        builder.Services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<IOptions<AccessOptions>>((bearer, access) => Configure(bearer, access.Value.Bearer));
    }

    private static void Configure(JwtBearerOptions bearer, BearerOptions options)
    {
        bearer.Authority = options.Authority;
        bearer.Audience = options.Audience;
        bearer.RequireHttpsMetadata = !options.AllowHttp;
        bearer.MapInboundClaims = false;
        bearer.ForwardChallenge = bearer.ForwardForbid = CredentialHandler.SchemeName;
        // A key that the provider has only just begun to use is asked for, but not for every token that names a key of its own invention.
        bearer.RefreshInterval = TimeSpan.FromSeconds(30);
        bearer.BackchannelTimeout = TimeSpan.FromSeconds(10);
        bearer.TokenValidationParameters.ValidAlgorithms = Algorithms;
        bearer.TokenValidationParameters.ClockSkew = TimeSpan.FromSeconds(options.ClockSkewSeconds);
        bearer.TokenValidationParameters.RequireExpirationTime = true;
        bearer.TokenValidationParameters.RequireSignedTokens = true;
        bearer.Events = new JwtBearerEvents
        {
            OnTokenValidated = validated =>
            {
                if (CallerOf(validated.Principal!, options) is { } caller)
                    validated.Principal = new KnownCaller(caller, Credential.BearerToken, KeyAllowance.Usual, secretSha256: null);
                else
                    validated.Fail($"The token does not say who calls: it needs the claims {options.NameClaim} and {options.TenantClaim}.");
                return Task.CompletedTask;
            },
        };
    }

    private static Caller? CallerOf(ClaimsPrincipal token, BearerOptions options)
    {
        var (name, tenant) = (token.FindFirst(options.NameClaim)?.Value, token.FindFirst(options.TenantClaim)?.Value);
        if (name is null || tenant is null || !CallerLabel.IsGood(KnownCaller.TokenNamePrefix + name) || !CallerLabel.IsGood(tenant))
            return null;
        var roles = token.FindAll(options.RolesClaim).SelectMany(claim => claim.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return new Caller(KnownCaller.TokenNamePrefix + name, tenant, CallerRoleNames.Of(roles));
    }
}
