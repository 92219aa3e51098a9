using Melanoma.ServiceDefaults.Callers;

namespace Melanoma.Gateway.Access;

/// <summary>A caller that the Gateway has let in.</summary>
/// <param name="caller">Who it is.</param>
/// <param name="credential">By which credential.</param>
/// <param name="allowance">What its API key may use, where that differs from the installation's usual numbers.</param>
/// <param name="secretSha256">The hash of the key or session that let it in; null for a bearer token.</param>
internal sealed class KnownCaller(Caller caller, Credential credential, KeyAllowance allowance, byte[]? secretSha256) : CallerPrincipal(caller, AccessRegistration.SchemeName)
{
    /// <summary>Before the name in a bearer token, so that no token can take the name of an API key.</summary>
    public const string TokenNamePrefix = "jwt:";

    public Credential Credential => credential;

    public KeyAllowance Allowance => allowance;

    public byte[]? SecretSha256 => secretSha256;

    public static KnownCaller Of(HttpContext context) => context.User as KnownCaller ?? throw new InvalidOperationException($"{context.Request.Path} was let in without a caller.");
}

/// <summary>What let a caller in.</summary>
internal enum Credential
{
    /// <summary>An API key.</summary>
    ApiKey = 0,

    /// <summary>A browser's session, which the browser sends of its own accord, so that other sites' pages can bring it to do so.</summary>
    Session = 1,

    /// <summary>A bearer token of the identity provider.</summary>
    BearerToken = 2,
}

/// <summary>What an API key may use; null for the installation's usual number.</summary>
/// <param name="RequestsPerSecond">Calls a second that it may begin.</param>
/// <param name="ConcurrentCalls">Calls that it may have open at a time.</param>
/// <param name="BytesPerDay">Bytes that it may send in a day (UTC).</param>
internal sealed record KeyAllowance(int? RequestsPerSecond, int? ConcurrentCalls, long? BytesPerDay)
{
    public static KeyAllowance Usual { get; } = new(null, null, null);
}
