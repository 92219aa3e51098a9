using System.ComponentModel.DataAnnotations;

namespace Melanoma.Gateway.Access;

/// <summary>Settings of who may come in; section <c>Access</c>.</summary>
internal sealed class AccessOptions
{
    public const string Section = "Access";

    /// <summary>Wrong credentials that an address may send in a minute before it is refused unseen.</summary>
    [Range(1, 10_000)]
    public int WrongCredentialsPerMinute { get; init; } = 20;

    /// <summary>Bearer tokens; none are taken where no authority is named.</summary>
    public BearerOptions Bearer { get; init; } = new();
}

/// <summary>Which bearer tokens (OpenID Connect, RFC 9068) are taken, and what they say of a caller; section <c>Access:Bearer</c>.</summary>
internal sealed class BearerOptions
{
    /// <summary>The identity provider's address, whose <c>/.well-known/openid-configuration</c> names its keys; null when bearer tokens are not taken.</summary>
    public string? Authority { get; init; }

    /// <summary>The audience that tokens must be made for.</summary>
    public string Audience { get; init; } = "melanoma";

    /// <summary>The claim that names the caller in the audit.</summary>
    public string NameClaim { get; init; } = "sub";

    /// <summary>The claim that names the caller's tenant.</summary>
    public string TenantClaim { get; init; } = "tenant";

    /// <summary>The claim that names its roles: a text with spaces between them, or a list.</summary>
    public string RolesClaim { get; init; } = "roles";

    /// <summary>How far the provider's clock may be off, in seconds.</summary>
    [Range(0, 300)]
    public int ClockSkewSeconds { get; init; } = 30;

    /// <summary>Whether the provider may be spoken to without TLS; for tests and for providers on the same machine.</summary>
    public bool AllowHttp { get; init; }
}
