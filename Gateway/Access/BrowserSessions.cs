using Melanoma.Storage;
using Melanoma.Storage.Access;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Gateway.Access;

/// <summary>Makes the tickets that sign a browser in, and the sessions that tickets buy.</summary>
internal sealed class BrowserSessions(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time)
{
    public static readonly TimeSpan TicketLifetime = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan SessionLifetime = TimeSpan.FromHours(12);

    /// <summary>Makes a ticket for the owner of a key.</summary>
    /// <exception cref="CredentialException">There is no such key, or it is revoked or has expired.</exception>
    public async Task<string> CreateTicketAsync(string keyName, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var keyId = await Good(database.ApiKeys, now).Where(key => key.Name == keyName).Select(key => (Guid?)key.Id).SingleOrDefaultAsync(cancellationToken)
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

    /// <summary>Uses a ticket up and begins a session; null when the ticket is unknown, used, too old, or its key is no longer good.</summary>
    public async Task<NewSession?> BeginAsync(string? ticket, CancellationToken cancellationToken)
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
                .Join(Good(database.ApiKeys, now), token => token.ApiKeyId, key => key.Id, (token, key) => key)
                .AsNoTracking().SingleOrDefaultAsync(cancellationToken);
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

    /// <summary>Ends a session for good, at every Gateway.</summary>
    public async Task EndAsync(byte[] hash, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await database.SignInTokens.Where(token => token.TokenSha256 == hash && token.Kind == SignInTokenKind.Session && token.UsedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(token => token.UsedAt, time.GetUtcNow()), cancellationToken);
        await CredentialWatch.TellAsync(database, cancellationToken);
    }

    private static IQueryable<ApiKey> Good(IQueryable<ApiKey> keys, DateTimeOffset now) =>
        keys.Where(key => key.RevokedAt == null && (key.ExpiresAt == null || key.ExpiresAt > now));
}

/// <summary>A session that has just begun.</summary>
internal sealed record NewSession(string Token, DateTimeOffset ExpiresAt, string KeyName);

/// <summary>A credential that cannot be made; the message says why and what to do.</summary>
internal class CredentialException(string message) : Exception(message);
