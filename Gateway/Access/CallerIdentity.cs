using System.Security.Claims;

namespace Melanoma.Gateway.Access;

/// <summary>Who calls: an API key, by itself or through a browser's session.</summary>
/// <param name="KeyId">The API key.</param>
/// <param name="Name">Its name, which the services put into their audit.</param>
/// <param name="Tenant">Its owner.</param>
internal sealed record CallerIdentity(Guid KeyId, string Name, string Tenant)
{
    private const string TenantClaim = "tenant";
    private const string CredentialClaim = "credential";
    private const string SessionCredential = "session";
    private const string KeyCredential = "key";

    public ClaimsPrincipal ToPrincipal(bool bySession) => new(new ClaimsIdentity(
        [
            new Claim(ClaimTypes.NameIdentifier, KeyId.ToString()),
            new Claim(ClaimTypes.Name, Name),
            new Claim(TenantClaim, Tenant),
            new Claim(CredentialClaim, bySession ? SessionCredential : KeyCredential),
        ],
        CredentialHandler.SchemeName));

    public static string NameOf(ClaimsPrincipal user) => user.FindFirstValue(ClaimTypes.Name) ?? throw new InvalidOperationException("The caller has no name.");

    public static string TenantOf(ClaimsPrincipal user) => user.FindFirstValue(TenantClaim) ?? throw new InvalidOperationException("The caller has no tenant.");

    /// <summary>Whether a browser sent the credential of its own accord, which other sites' pages can bring it to do.</summary>
    public static bool IsBySession(ClaimsPrincipal user) => user.HasClaim(CredentialClaim, SessionCredential);
}
