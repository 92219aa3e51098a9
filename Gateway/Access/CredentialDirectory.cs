using System.Collections.Concurrent;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Melanoma.Storage.Access;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Gateway.Access;

/// <summary>
/// Finds out whose credential it is. Good ones are remembered for a few seconds; one that is revoked, rotated or signed out is forgotten at once, because the
/// database tells every Gateway (see <see cref="CredentialWatch"/>).
/// </summary>
internal sealed class CredentialDirectory(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time)
{
    private const int MaxRemembered = 10_000;

    // How long an ended credential may live on where the database cannot tell.
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);

    // An address that tries credentials must not lock out those who share it.
    private static readonly TimeSpan GoodLately = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _lastGood = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Entry> _known = new(StringComparer.Ordinal);

    // What a look into the database began with: what it finds is not remembered when everything was forgotten meanwhile.
    private int _forgotten;

    public ValueTask<KnownCaller?> FindKeyAsync(string? key, CancellationToken cancellationToken) =>
        FindAsync(Secret.HashOf(key, Secret.KeyPrefix), Credential.ApiKey, cancellationToken);

    public ValueTask<KnownCaller?> FindSessionAsync(string? session, CancellationToken cancellationToken) =>
        FindAsync(Secret.HashOf(session, Secret.SessionPrefix), Credential.Session, cancellationToken);

    /// <summary>Whether what let a caller in would still let it in; bearer tokens are not asked about.</summary>
    public async Task<bool> IsStillGoodAsync(KnownCaller caller, CancellationToken cancellationToken) =>
        caller.SecretSha256 is not { } hash || await FindAsync(hash, caller.Credential, cancellationToken) is not null;

    /// <summary>Whether it was a good credential within the last hour; that it still is has to be looked up.</summary>
    public bool WasGoodLately(string? secret)
    {
        var hash = Secret.HashOf(secret, Secret.KeyPrefix) ?? Secret.HashOf(secret, Secret.SessionPrefix);
        return hash is not null && _lastGood.TryGetValue(Convert.ToHexString(hash), out var at) && time.GetUtcNow() - at < GoodLately;
    }

    /// <summary>Lets nothing that it remembers stand for the database's word.</summary>
    public void Forget()
    {
        Interlocked.Increment(ref _forgotten);
        _known.Clear();
    }

    private ValueTask<KnownCaller?> FindAsync(byte[]? hash, Credential credential, CancellationToken cancellationToken)
    {
        if (hash is null)
            return new ValueTask<KnownCaller?>((KnownCaller?)null);
        var name = Convert.ToHexString(hash);
        return _known.TryGetValue(name, out var known) && time.GetUtcNow() < known.Until
            ? new ValueTask<KnownCaller?>(known.Caller)
            : new ValueTask<KnownCaller?>(LookAsync(name, hash, credential, cancellationToken));
    }

    private async Task<KnownCaller?> LookAsync(string name, byte[] hash, Credential credential, CancellationToken cancellationToken)
    {
        var (forgotten, now) = (Volatile.Read(ref _forgotten), time.GetUtcNow());
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var query = credential == Credential.ApiKey ? Keys(database, hash, now) : Sessions(database, hash, now);
        var found = await query.AsNoTracking().SingleOrDefaultAsync(cancellationToken);
        if (found is null || found.Key.RevokedAt is not null || found.Key.ExpiresAt <= now)
        {
            _known.TryRemove(name, out _);
            return null;
        }

        var key = found.Key;
        var caller = new KnownCaller(
            new Caller(key.Name, key.Tenant, key.Roles), credential, new KeyAllowance(key.RequestsPerSecond, key.ConcurrentCalls, key.BytesPerDay), hash);
        if (_known.Count >= MaxRemembered)
            _known.Clear();
        if (_lastGood.Count >= MaxRemembered)
            _lastGood.Clear();
        _lastGood[name] = now;
        _known[name] = new Entry(caller, new[] { now + Remembered, key.ExpiresAt ?? DateTimeOffset.MaxValue, found.Until ?? DateTimeOffset.MaxValue }.Min());
        if (forgotten != Volatile.Read(ref _forgotten))
            _known.TryRemove(name, out _);
        return caller;
    }

    private static IQueryable<Found> Keys(MelanomaDbContext database, byte[] hash, DateTimeOffset now) => database.ApiKeys
        .Where(row => row.KeySha256 == hash || (row.PreviousSha256 == hash && row.PreviousUntil > now))
        .Select(row => new Found(row, row.KeySha256 == hash ? null : row.PreviousUntil));

    private static IQueryable<Found> Sessions(MelanomaDbContext database, byte[] hash, DateTimeOffset now) => database.SignInTokens
        .Where(token => token.TokenSha256 == hash && token.Kind == SignInTokenKind.Session && token.UsedAt == null && token.ExpiresAt > now)
        .Join(database.ApiKeys, token => token.ApiKeyId, key => key.Id, (token, key) => new Found(key, token.ExpiresAt));

    private sealed record Entry(KnownCaller Caller, DateTimeOffset Until);

    private sealed record Found(ApiKey Key, DateTimeOffset? Until);
}
