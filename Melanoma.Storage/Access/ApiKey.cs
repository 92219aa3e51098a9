using Melanoma.Contracts.Access;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Access;

/// <summary>An API key, known only by its hash. Written by Gateway.</summary>
public sealed class ApiKey
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>What people call it; unique, and the caller's name in the audit.</summary>
    public required string Name { get; init; }

    /// <summary>Who owns it, for example a hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>SHA-256 of the key, which has 256 random bits and so needs no slow hash.</summary>
    public required byte[] KeySha256 { get; init; }

    /// <summary>SHA-256 of the key that a rotation replaced; good until <see cref="PreviousUntil"/>, so that the owner's systems can change over one by one.</summary>
    public byte[]? PreviousSha256 { get; init; }

    /// <summary>When the replaced key ends.</summary>
    public DateTimeOffset? PreviousUntil { get; init; }

    /// <summary>What its owner may do.</summary>
    public required CallerRoles Roles { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends by itself; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When it was revoked; null while it is good.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>When it was last used, to about a quarter of a minute; null for never.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>Calls a second that it may begin; null for the installation's usual number.</summary>
    public int? RequestsPerSecond { get; init; }

    /// <summary>Calls that it may have open at a time; null for the installation's usual number.</summary>
    public int? ConcurrentCalls { get; init; }

    /// <summary>Bytes that it may send in a day (UTC); null for the installation's usual number.</summary>
    public long? BytesPerDay { get; init; }
}

/// <summary>What a caller has sent on one day. Written by Gateway, every replica adding to the same row.</summary>
public sealed class DailyUsage
{
    /// <summary>The day (UTC).</summary>
    public required DateOnly Day { get; init; }

    /// <summary>The caller's tenant.</summary>
    public required string Tenant { get; init; }

    /// <summary>The caller's name, as in the audit.</summary>
    public required string Caller { get; init; }

    /// <summary>Calls begun.</summary>
    public required long Calls { get; init; }

    /// <summary>Bytes of requests, without headers.</summary>
    public required long Bytes { get; init; }
}

/// <summary>A token that lets a browser in under an API key: a ticket that is used once, or the session that it buys. Written by Gateway.</summary>
public sealed class SignInToken
{
    /// <summary>SHA-256 of the token, which has 256 random bits.</summary>
    public required byte[] TokenSha256 { get; init; }

    /// <summary>The API key whose rights it carries.</summary>
    public required Guid ApiKeyId { get; init; }

    /// <summary>Ticket or session.</summary>
    public required SignInTokenKind Kind { get; init; }

    /// <summary>When it ends.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When a ticket was used, or a session signed out.</summary>
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>What a sign-in token is good for.</summary>
public enum SignInTokenKind
{
    /// <summary>Buys one session.</summary>
    Ticket = 0,

    /// <summary>Identifies a browser until it expires.</summary>
    Session = 1,
}

internal sealed class AccessConfiguration : IEntityTypeConfiguration<ApiKey>, IEntityTypeConfiguration<SignInToken>, IEntityTypeConfiguration<DailyUsage>
{
    public void Configure(EntityTypeBuilder<ApiKey> builder)
    {
        builder.HasIndex(key => key.Name).IsUnique();
        builder.HasIndex(key => key.KeySha256).IsUnique();
        builder.HasIndex(key => key.PreviousSha256).IsUnique();
        builder.Property(key => key.Roles).HasConversion(roles => string.Join(' ', roles.Names()), names => CallerRoleNames.Of(names.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        builder.Property(key => key.Name).HasMaxLength(200);
        builder.Property(key => key.Tenant).HasMaxLength(200);
    }

    public void Configure(EntityTypeBuilder<SignInToken> builder)
    {
        builder.HasKey(token => token.TokenSha256);
        builder.HasOne<ApiKey>().WithMany().HasForeignKey(token => token.ApiKeyId);
    }

    public void Configure(EntityTypeBuilder<DailyUsage> builder) => builder.HasKey(usage => new { usage.Day, usage.Tenant, usage.Caller });
}
