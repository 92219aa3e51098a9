using Melanoma.Storage;
using Melanoma.Storage.Access;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

namespace Melanoma.Gateway.Access;

/// <summary>Finds out whose credential it is. Good ones are remembered for a few seconds, which is also how long a revoked one may live on.</summary>
internal sealed class CredentialDirectory(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);

    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = 10_000 });

    public Task<CallerIdentity?> FindKeyAsync(string? key, CancellationToken cancellationToken) => FindAsync(
        Secret.HashOf(key, Secret.KeyPrefix),
        (database, hash) => database.ApiKeys.Where(row => row.KeySha256 == hash && row.RevokedAt == null),
        cancellationToken);

    public Task<CallerIdentity?> FindSessionAsync(string? session, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return FindAsync(
            Secret.HashOf(session, Secret.SessionPrefix),
            (database, hash) => database.SignInTokens
                .Where(token => token.TokenSha256 == hash && token.Kind == SignInTokenKind.Session && token.UsedAt == null && token.ExpiresAt > now)
                .Join(database.ApiKeys, token => token.ApiKeyId, key => key.Id, (token, key) => key)
                .Where(key => key.RevokedAt == null),
            cancellationToken);
    }

    /// <summary>Forgets a session that was signed out, so that it ends here at once.</summary>
    public void Forget(byte[] hash) => _cache.Remove(Convert.ToHexString(hash));

    public void Dispose() => _cache.Dispose();

    private async Task<CallerIdentity?> FindAsync(
        byte[]? hash, Func<MelanomaDbContext, byte[], IQueryable<ApiKey>> keys, CancellationToken cancellationToken)
    {
        if (hash is null)
            return null;
        var entry = Convert.ToHexString(hash);
        if (_cache.TryGetValue(entry, out CallerIdentity? known))
            return known;

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var caller = await keys(database, hash).Select(key => new CallerIdentity(key.Id, key.Name, key.Tenant)).SingleOrDefaultAsync(cancellationToken);
        if (caller is not null)
            _cache.Set(entry, caller, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = Remembered });
        return caller;
    }
}
