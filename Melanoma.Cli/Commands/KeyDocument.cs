using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

internal sealed record KeyListDocument(IReadOnlyList<KeyDocument> Keys);

/// <summary>A key that was made or rotated; <c>secret</c> is its text, which is never shown again.</summary>
internal sealed record CreatedKeyDocument(KeyDocument Key, string Secret);

/// <summary>What is kept of an API key. Limits are there where the key has numbers of its own.</summary>
internal sealed record KeyDocument(
    string Name, string Tenant, IReadOnlyList<string> Roles, DateTimeOffset? CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt, DateTimeOffset? LastUsedAt,
    DateTimeOffset? PreviousUntil, int? RequestsPerSecond, int? ConcurrentCalls, long? BytesPerDay, long CallsToday, long BytesToday)
{
    public static KeyDocument From(Key key) => new(
        key.Name, key.Tenant, [.. key.Roles], key.CreatedAt?.ToDateTimeOffset(), key.ExpiresAt?.ToDateTimeOffset(), key.RevokedAt?.ToDateTimeOffset(),
        key.LastUsedAt?.ToDateTimeOffset(), key.PreviousUntil?.ToDateTimeOffset(),
        key.Limits.HasRequestsPerSecond ? key.Limits.RequestsPerSecond : null,
        key.Limits.HasConcurrentCalls ? key.Limits.ConcurrentCalls : null,
        key.Limits.HasBytesPerDay ? key.Limits.BytesPerDay : null,
        key.CallsToday, key.BytesToday);
}
