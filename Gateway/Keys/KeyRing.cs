using Melanoma.Contracts.Access;
using Melanoma.Gateway.Access;
using Melanoma.Storage;
using Melanoma.Storage.Access;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.Gateway.Keys;

/// <summary>The API keys of the installation. A key's text is returned once, by whatever makes it.</summary>
internal sealed class KeyRing(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time)
{
    public static readonly TimeSpan LongestOverlap = TimeSpan.FromDays(30);

    /// <summary>Makes a key.</summary>
    /// <exception cref="CredentialException">Name, tenant, roles or expiry cannot be.</exception>
    /// <exception cref="NameTakenException">There is, or was, a key of this name.</exception>
    public async Task<(ApiKey Key, string Secret)> CreateAsync(
        string name, string tenant, CallerRoles roles, DateTimeOffset? expiresAt, KeyAllowance allowance, CancellationToken cancellationToken)
    {
        RequireLabel(name, "name");
        RequireLabel(tenant, "tenant");
        if (name.StartsWith(KnownCaller.TokenNamePrefix, StringComparison.Ordinal))
            throw new CredentialException($"A name that begins with {KnownCaller.TokenNamePrefix} is that of a bearer token: choose another name.");
        if (roles == CallerRoles.None)
            throw new CredentialException($"A key needs at least one role: {string.Join(", ", CallerRoles.All.Names())}.");
        if (expiresAt <= time.GetUtcNow())
            throw new CredentialException("The key would have ended already: choose a time to come.");

        var secret = Secret.New(Secret.KeyPrefix);
        var key = new ApiKey
        {
            Id = Guid.CreateVersion7(),
            Name = name,
            Tenant = tenant,
            KeySha256 = Secret.HashOf(secret, Secret.KeyPrefix)!,
            Roles = roles,
            CreatedAt = time.GetUtcNow(),
            ExpiresAt = expiresAt,
            RequestsPerSecond = allowance.RequestsPerSecond,
            ConcurrentCalls = allowance.ConcurrentCalls,
            BytesPerDay = allowance.BytesPerDay,
        };
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.ApiKeys.Add(key);
        try
        {
            await database.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException exception) when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            throw new NameTakenException($"There is an API key named '{name}' already: choose another name.");
        }

        return (key, secret);
    }

    /// <summary>The keys in the order of their names, with what each has sent today.</summary>
    public async Task<IReadOnlyList<(ApiKey Key, DailyUsage? Today)>> ListAsync(bool includeEnded, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var keys = await database.ApiKeys.AsNoTracking()
            .Where(key => includeEnded || (key.RevokedAt == null && (key.ExpiresAt == null || key.ExpiresAt > now)))
            .OrderBy(key => key.Name)
            .ToListAsync(cancellationToken);
        var usage = await database.DailyUsage.AsNoTracking().Where(row => row.Day == today).ToDictionaryAsync(row => (row.Tenant, row.Caller), cancellationToken);
        return keys.ConvertAll(key => (key, usage.GetValueOrDefault((key.Tenant, key.Name))));
    }

    /// <summary>Gives a key a new text; the old one goes on for a while. Null when there is no such key that is good.</summary>
    /// <exception cref="CredentialException">The overlap is negative or too long.</exception>
    public async Task<(ApiKey Key, string Secret)?> RotateAsync(string name, TimeSpan overlap, CancellationToken cancellationToken)
    {
        if (overlap < TimeSpan.Zero || overlap > LongestOverlap)
            throw new CredentialException($"The old key can go on for 0 to {LongestOverlap.TotalDays:0} days.");

        var now = time.GetUtcNow();
        var secret = Secret.New(Secret.KeyPrefix);
        var hash = Secret.HashOf(secret, Secret.KeyPrefix)!;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var changed = await database.ApiKeys.Where(key => key.Name == name && key.RevokedAt == null && (key.ExpiresAt == null || key.ExpiresAt > now)).ExecuteUpdateAsync(
            set => set
                .SetProperty(key => key.PreviousSha256, key => overlap > TimeSpan.Zero ? key.KeySha256 : null)
                .SetProperty(key => key.PreviousUntil, overlap > TimeSpan.Zero ? now + overlap : null)
                .SetProperty(key => key.KeySha256, hash),
            cancellationToken);
        if (changed == 0)
            return null;
        await CredentialWatch.TellAsync(database, cancellationToken);
        var key = await database.ApiKeys.AsNoTracking().SingleAsync(key => key.Name == name, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (key, secret);
    }

    /// <summary>Ends a key, and the sessions under it, at once. Null when there is no such key.</summary>
    public async Task<ApiKey?> RevokeAsync(string name, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.ApiKeys.Where(key => key.Name == name && key.RevokedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(key => key.RevokedAt, time.GetUtcNow()), cancellationToken);
        await CredentialWatch.TellAsync(database, cancellationToken);
        var key = await database.ApiKeys.AsNoTracking().SingleOrDefaultAsync(key => key.Name == name, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return key;
    }

    private static void RequireLabel(string text, string what)
    {
        if (!CallerLabel.IsGood(text))
            throw new CredentialException($"The {what} must have {CallerLabel.Rule}.");
    }
}

/// <summary>A key that cannot be made because its name is in use.</summary>
internal sealed class NameTakenException(string message) : CredentialException(message);
