using Melanoma.Storage;
using Melanoma.Storage.Access;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.Gateway.Access;

/// <summary>Makes API keys, the tickets that sign a browser in, and the sessions that tickets buy.</summary>
internal sealed class CredentialIssuer(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time)
{
    public static readonly TimeSpan TicketLifetime = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan SessionLifetime = TimeSpan.FromHours(12);

    /// <summary>Makes a key and returns it; it is never shown again.</summary>
    /// <exception cref="CredentialException">The name is taken, or name or tenant is none.</exception>
    public async Task<string> CreateKeyAsync(string name, string tenant, CancellationToken cancellationToken)
    {
        RequireLabel(name, "name");
        RequireLabel(tenant, "tenant");
        var key = Secret.New(Secret.KeyPrefix);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.ApiKeys.Add(new ApiKey
        {
            Id = Guid.CreateVersion7(),
            Name = name,
            Tenant = tenant,
            KeySha256 = Secret.HashOf(key, Secret.KeyPrefix)!,
            CreatedAt = time.GetUtcNow(),
        });
        try
        {
            await database.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException exception) when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            throw new CredentialException($"There is an API key named '{name}' already: choose another name.");
        }

        return key;
    }

    /// <summary>Makes a ticket for the owner of a key.</summary>
    /// <exception cref="CredentialException">There is no such key, or it is revoked.</exception>
    public async Task<string> CreateTicketAsync(string keyName, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var keyId = await database.ApiKeys.Where(key => key.Name == keyName && key.RevokedAt == null)
            .Select(key => (Guid?)key.Id).SingleOrDefaultAsync(cancellationToken)
            ?? throw new CredentialException($"There is no API key named '{keyName}' that is good: make one with `Gateway keys create --name NAME --tenant TENANT`.");

        // What has ended is of no use to anybody.
        await database.SignInTokens.Where(token => token.ExpiresAt < now).ExecuteDeleteAsync(cancellationToken);
        var ticket = Secret.New(Secret.TicketPrefix);
        database.SignInTokens.Add(new SignInToken
        {
            TokenSha256 = Secret.HashOf(ticket, Secret.TicketPrefix)!,
            ApiKeyId = keyId,
            Kind = SignInTokenKind.Ticket,
            ExpiresAt = now + TicketLifetime,
        });
        await database.SaveChangesAsync(cancellationToken);
        return ticket;
    }

    /// <summary>Uses a ticket up and begins a session; null when the ticket is unknown, used, too old, or its key is revoked.</summary>
    public async Task<NewSession?> BeginSessionAsync(string? ticket, CancellationToken cancellationToken)
    {
        if (Secret.HashOf(ticket, Secret.TicketPrefix) is not { } hash)
            return null;
        var now = time.GetUtcNow();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);

        // One statement both asks and marks, so that of two browsers only one gets in.
        var used = await database.SignInTokens
            .Where(token => token.TokenSha256 == hash && token.Kind == SignInTokenKind.Ticket && token.UsedAt == null && token.ExpiresAt > now)
            .ExecuteUpdateAsync(set => set.SetProperty(token => token.UsedAt, now), cancellationToken);
        var key = used == 0
            ? null
            : await database.SignInTokens.Where(token => token.TokenSha256 == hash)
                .Join(database.ApiKeys, token => token.ApiKeyId, key => key.Id, (token, key) => key)
                .SingleOrDefaultAsync(key => key.RevokedAt == null, cancellationToken);
        if (key is null)
            return null;

        var session = Secret.New(Secret.SessionPrefix);
        database.SignInTokens.Add(new SignInToken
        {
            TokenSha256 = Secret.HashOf(session, Secret.SessionPrefix)!,
            ApiKeyId = key.Id,
            Kind = SignInTokenKind.Session,
            ExpiresAt = now + SessionLifetime,
        });
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new NewSession(session, now + SessionLifetime, key.Name);
    }

    /// <summary>Ends a session for good.</summary>
    public async Task EndSessionAsync(byte[] hash, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await database.SignInTokens.Where(token => token.TokenSha256 == hash && token.Kind == SignInTokenKind.Session && token.UsedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(token => token.UsedAt, time.GetUtcNow()), cancellationToken);
    }

    // Names travel in headers and logs, so they are plain ASCII without spaces at the ends.
    private static void RequireLabel(string text, string what)
    {
        if (text.Length is 0 or > 200 || text.Trim() != text || text.Any(character => character is < ' ' or > '~'))
            throw new CredentialException($"The {what} must have 1 to 200 printable ASCII characters and no spaces around it.");
    }
}

/// <summary>A session that has just begun.</summary>
internal sealed record NewSession(string Token, DateTimeOffset ExpiresAt, string KeyName);

/// <summary>A credential that cannot be made; the message says why and what to do.</summary>
internal sealed class CredentialException(string message) : Exception(message);
