using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts.Access;
using Melanoma.Contracts.V1;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Refusals;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage.Access;

namespace Melanoma.Gateway.Keys;

/// <summary>API keys over gRPC and JSON.</summary>
internal sealed partial class KeysService(KeyRing keys, OpenCalls calls, TimeProvider time, ILogger<KeysService> logger) : Contracts.V1.Keys.KeysBase
{
    private const int MaxCalls = 1_000_000;

    public override async Task<CreatedKey> CreateKey(CreateKeyRequest request, ServerCallContext context)
    {
        if (request.Roles.FirstOrDefault(role => CallerRoleNames.Of(role) == CallerRoles.None) is { } unknown)
            throw Invalid($"There is no role '{unknown.Shortened()}'; there are {string.Join(", ", CallerRoles.All.Names())}.");
        try
        {
            var (key, secret) = await keys.CreateAsync(
                request.Name, request.Tenant, CallerRoleNames.Of(request.Roles), TimeOf(request.ExpiresAt), AllowanceOf(request.Limits), context.CancellationToken);
            LogCreated(key.Name, key.Tenant, string.Join(' ', key.Roles.Names()), context.GetCaller().Name);
            return Shown(key, secret, context);
        }
        catch (NameTakenException taken)
        {
            throw new RpcException(new Status(StatusCode.AlreadyExists, taken.Message));
        }
        catch (CredentialException refusal)
        {
            throw Invalid(refusal.Message);
        }
    }

    public override async Task<ListKeysResponse> ListKeys(ListKeysRequest request, ServerCallContext context)
    {
        var response = new ListKeysResponse();
        response.Keys.AddRange((await keys.ListAsync(request.IncludeEnded, context.CancellationToken)).Select(row => MessageOf(row.Key, row.Today)));
        return response;
    }

    public override async Task<CreatedKey> RotateKey(RotateKeyRequest request, ServerCallContext context)
    {
        if (request.OverlapSeconds < 0 || request.OverlapSeconds > KeyRing.LongestOverlap.TotalSeconds)
            throw Invalid($"The overlap must be 0 to {KeyRing.LongestOverlap.TotalSeconds:0} seconds.");
        calls.Spare(context.GetHttpContext());
        var (key, secret) = await keys.RotateAsync(request.Name, TimeSpan.FromSeconds(request.OverlapSeconds), context.CancellationToken) ?? throw NoSuchKey();
        LogRotated(key.Name, context.GetCaller().Name);
        return Shown(key, secret, context);
    }

    public override async Task<Key> RevokeKey(RevokeKeyRequest request, ServerCallContext context)
    {
        calls.Spare(context.GetHttpContext());
        var key = await keys.RevokeAsync(request.Name, context.CancellationToken) ?? throw NoSuchKey();
        LogRevoked(key.Name, context.GetCaller().Name);
        return MessageOf(key, today: null);
    }

    // The one time that the text is seen, nothing on the way may keep it.
    private CreatedKey Shown(ApiKey key, string secret, ServerCallContext context)
    {
        context.GetHttpContext().Response.Headers.CacheControl = "no-store";
        return new CreatedKey { Key = MessageOf(key, today: null), Secret = secret };
    }

    private static KeyAllowance AllowanceOf(KeyLimits? limits)
    {
        if (limits is null)
            return KeyAllowance.Usual;
        if (limits is { HasRequestsPerSecond: true, RequestsPerSecond: < 1 or > MaxCalls })
            throw Invalid($"A key may begin 1 to {MaxCalls} calls a second.");
        if (limits is { HasConcurrentCalls: true, ConcurrentCalls: < 1 or > MaxCalls })
            throw Invalid($"A key may have 1 to {MaxCalls} calls open at a time.");
        if (limits is { HasBytesPerDay: true, BytesPerDay: < 1 })
            throw Invalid("A key may send 1 byte a day or more.");
        return new KeyAllowance(
            limits.HasRequestsPerSecond ? limits.RequestsPerSecond : null,
            limits.HasConcurrentCalls ? limits.ConcurrentCalls : null,
            limits.HasBytesPerDay ? limits.BytesPerDay : null);
    }

    private static DateTimeOffset? TimeOf(Timestamp? time)
    {
        try
        {
            return time?.ToDateTimeOffset();
        }
        catch (InvalidOperationException)
        {
            throw Invalid("The time of expiry is none.");
        }
    }

    private Key MessageOf(ApiKey key, DailyUsage? today)
    {
        var message = new Key
        {
            Name = key.Name,
            Tenant = key.Tenant,
            CreatedAt = key.CreatedAt.ToTimestamp(),
            ExpiresAt = key.ExpiresAt?.ToTimestamp(),
            RevokedAt = key.RevokedAt?.ToTimestamp(),
            LastUsedAt = key.LastUsedAt?.ToTimestamp(),
            PreviousUntil = key.PreviousUntil > time.GetUtcNow() ? key.PreviousUntil.Value.ToTimestamp() : null,
            Limits = new KeyLimits(),
            CallsToday = today?.Calls ?? 0,
            BytesToday = today?.Bytes ?? 0,
        };
        message.Roles.AddRange(key.Roles.Names());
        if (key.RequestsPerSecond is { } requests)
            message.Limits.RequestsPerSecond = requests;
        if (key.ConcurrentCalls is { } calls)
            message.Limits.ConcurrentCalls = calls;
        if (key.BytesPerDay is { } bytes)
            message.Limits.BytesPerDay = bytes;
        return message;
    }

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));

    private static RpcException NoSuchKey() => new(new Status(StatusCode.NotFound, "There is no such key; ListKeys names those there are."));

    [LoggerMessage(1, LogLevel.Information, "The API key {KeyName} of {Tenant} with the roles {Roles} was made by {Caller}")]
    private partial void LogCreated(string keyName, string tenant, string roles, string caller);

    [LoggerMessage(2, LogLevel.Information, "The API key {KeyName} was rotated by {Caller}")]
    private partial void LogRotated(string keyName, string caller);

    [LoggerMessage(3, LogLevel.Information, "The API key {KeyName} was revoked by {Caller}")]
    private partial void LogRevoked(string keyName, string caller);
}
