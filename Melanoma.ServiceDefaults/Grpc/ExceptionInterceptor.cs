using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Melanoma.ServiceDefaults.Grpc;

/// <summary>
/// The one place that turns exceptions into a status. A refusal is thrown as <see cref="RpcException"/> and passes; a lost
/// database is UNAVAILABLE, so that callers try again; everything else is a defect and INTERNAL, with the text in the log only.
/// </summary>
public sealed partial class ExceptionInterceptor(ILogger<ExceptionInterceptor> logger) : Interceptor
{
    /// <inheritdoc />
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translate(exception, context);
        }
    }

    /// <inheritdoc />
    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translate(exception, context);
        }
    }

    /// <inheritdoc />
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translate(exception, context);
        }
    }

    /// <inheritdoc />
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception exception) when (exception is not RpcException)
        {
            throw Translate(exception, context);
        }
    }

    private RpcException Translate(Exception exception, ServerCallContext context)
    {
        if (context.CancellationToken.IsCancellationRequested)
        {
            return new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
        }

        // Messages of streams are read by whoever answers; those of simple calls before, see UnreadableMessages.
        if (exception is InvalidProtocolBufferException)
        {
            return Unreadable();
        }

        if (IsTextRefused(exception))
        {
            return new RpcException(new Status(StatusCode.InvalidArgument, "A text has a NUL character or others that cannot be kept; leave them out."));
        }

        if (IsDatabaseLost(exception))
        {
            LogDatabaseLost(context.Method, exception.Message);
            return DatabaseLost();
        }

        LogDefect(exception, context.Method);
        return new RpcException(new Status(StatusCode.Internal, "The service failed unexpectedly; its log has the details."));
    }

    // Postgres takes every text but one with a NUL in it.
    private static bool IsTextRefused(Exception? exception) => exception switch
    {
        null => false,
        PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter } => true,
        _ => IsTextRefused(exception.InnerException),
    };

    /// <summary>What a caller is told whose bytes are no message of the proto.</summary>
    public static RpcException Unreadable() => new(new Status(StatusCode.InvalidArgument, "The message cannot be read: its bytes are not what the proto describes."));

    /// <summary>What a caller is told when the database is lost.</summary>
    public static RpcException DatabaseLost() => new(new Status(StatusCode.Unavailable, "The database cannot be reached at the moment; try again."));

    /// <summary>Whether an exception, or one inside it, says that the database is lost, which trying again may mend.</summary>
    public static bool IsDatabaseLost(Exception? exception) => exception switch
    {
        null => false,
        PostgresException postgres => postgres.IsTransient,
        NpgsqlException or TimeoutException => true,
        _ => IsDatabaseLost(exception.InnerException),
    };

    [LoggerMessage(1, LogLevel.Error, "{Method} failed")]
    private partial void LogDefect(Exception exception, string method);

    [LoggerMessage(2, LogLevel.Warning, "{Method} could not reach the database: {Reason}")]
    private partial void LogDatabaseLost(string method, string reason);
}
