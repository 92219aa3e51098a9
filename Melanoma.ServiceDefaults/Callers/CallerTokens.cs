using System.Collections.Concurrent;
using System.Security.Claims;
using Melanoma.Contracts.Access;
using Microsoft.Extensions.Configuration;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Melanoma.ServiceDefaults.Callers;

/// <summary>
/// The short-lived tokens in which the Gateway tells the services behind it who calls: JSON Web Tokens under HMAC-SHA-256, with a key that only the services of an
/// installation have. A token lasts two minutes and is used for one of them, so that signing and checking cost next to nothing a call.
/// </summary>
public sealed class CallerTokens
{
    /// <summary>Name of the header that carries the token.</summary>
    public const string Header = "x-melanoma-caller";

    /// <summary>Setting of the key: 32 random bytes or more, as base64.</summary>
    public const string KeySetting = "Internal:Key";

    /// <summary>Setting of the key that was replaced, which is taken for as long as it is set: Gateways and services are never restarted at the same instant.</summary>
    public const string PreviousKeySetting = "Internal:PreviousKey";

    private const int KeyBytes = 32;
    private const int MaxRemembered = 10_000;
    private const string Gateway = "melanoma-gateway";
    private const string Services = "melanoma-services";
    private const string TenantClaim = "tenant";
    private const string RolesClaim = "roles";

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan UsedFor = TimeSpan.FromMinutes(1);

    // Between two machines' clocks.
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _time;
    private readonly SigningCredentials _signing;
    private readonly TokenValidationParameters _wanted;
    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false, MapInboundClaims = false };
    private readonly ConcurrentDictionary<Caller, Issued> _issued = new();
    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);

    /// <summary>Signs and checks with these keys.</summary>
    /// <param name="key">The key, at least 32 bytes.</param>
    /// <param name="previousKey">The key that it replaced, if that one is still taken.</param>
    /// <param name="time">The clock.</param>
    public CallerTokens(byte[] key, byte[]? previousKey, TimeProvider time)
    {
        _time = time;
        _signing = new SigningCredentials(new SymmetricSecurityKey(key), SecurityAlgorithms.HmacSha256);
        _wanted = new TokenValidationParameters
        {
            ValidIssuer = Gateway,
            ValidAudience = Services,
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            IssuerSigningKeys = previousKey is null ? [_signing.Key] : [_signing.Key, new SymmetricSecurityKey(previousKey)],
            TryAllIssuerSigningKeys = true,
            LifetimeValidator = (from, until, _, _) => from <= Now + ClockSkew && until > Now - ClockSkew,
        };
    }

    private DateTime Now => _time.GetUtcNow().UtcDateTime;

    /// <summary>With the keys of the configuration.</summary>
    /// <exception cref="InvalidOperationException">There is no key, or it is none.</exception>
    public static CallerTokens Of(IConfiguration configuration, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var key = Read(configuration, KeySetting) ?? throw new InvalidOperationException(
            $"{KeySetting} is missing: set Internal__Key to 32 random bytes as base64, the same for the Gateway and every service behind it (openssl rand -base64 32 makes one). "
            + "With it the services tell the Gateway from everybody else.");
        return new CallerTokens(key, Read(configuration, PreviousKeySetting), time);
    }

    /// <summary>A token for a caller, good for one minute at least.</summary>
    public string Issue(Caller caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var now = Now;
        if (_issued.TryGetValue(caller, out var issued) && now - issued.At < UsedFor)
            return issued.Token;

        if (_issued.Count >= MaxRemembered)
            _issued.Clear();
        var token = _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Gateway,
            Audience = Services,
            NotBefore = now,
            Expires = now + Lifetime,
            Claims = new Dictionary<string, object>
            {
                [JwtRegisteredClaimNames.Sub] = caller.Name,
                [TenantClaim] = caller.Tenant,
                [RolesClaim] = string.Join(' ', caller.Roles.Names()),
            },
            SigningCredentials = _signing,
        });
        _issued[caller] = new Issued(token, now);
        return token;
    }

    /// <summary>Whose token it is; null when the Gateway has not issued it, or when it is too old.</summary>
    public async ValueTask<CallerPrincipal?> ReadAsync(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (_known.TryGetValue(token, out var known))
        {
            if (known.Until > Now - ClockSkew)
                return known.Caller;
            _known.TryRemove(token, out _);
            return null;
        }

        var result = await _handler.ValidateTokenAsync(token, _wanted);
        if (!result.IsValid)
            return null;
        var principal = new CallerPrincipal(CallerOf(result.ClaimsIdentity), GatewayCallers.SchemeName);
        if (_known.Count >= MaxRemembered)
            _known.Clear();
        _known[token] = new Known(principal, result.SecurityToken.ValidTo);
        return principal;
    }

    private static Caller CallerOf(ClaimsIdentity identity) => new(
        identity.FindFirst(JwtRegisteredClaimNames.Sub)!.Value,
        identity.FindFirst(TenantClaim)!.Value,
        CallerRoleNames.Of(identity.FindFirst(RolesClaim)!.Value.Split(' ')));

    private static byte[]? Read(IConfiguration configuration, string setting)
    {
        if (configuration[setting] is not { Length: > 0 } text)
            return null;
        var key = new byte[text.Length];
        return Convert.TryFromBase64String(text, key, out var bytes) && bytes >= KeyBytes
            ? key[..bytes]
            : throw new InvalidOperationException($"{setting} is no base64 of {KeyBytes} bytes or more (openssl rand -base64 {KeyBytes} makes one).");
    }

    private sealed record Issued(string Token, DateTime At);

    private sealed record Known(CallerPrincipal Caller, DateTime Until);
}
