using System.Globalization;
using Grpc.Core;

namespace Melanoma.Cli.Connection;

/// <summary>Waits and repeats when a call was refused for load or the other side is away for a moment.</summary>
internal sealed class Retries(TimeProvider time)
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan PatienceWhenBusy = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan PatienceWhenAway = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);

    public async Task<T> CallAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, bool repeatWhenUnavailable, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan delay;
            try
            {
                return await call(new CallOptions(deadline: time.GetUtcNow().UtcDateTime + CallTimeout, cancellationToken: cancellationToken));
            }
            catch (RpcException failure) when (failure.StatusCode == StatusCode.Cancelled && cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(failure.Message, failure, cancellationToken);
            }
            catch (RpcException failure) when (DelayBefore(failure, attempt, time.GetElapsedTime(started), repeatWhenUnavailable) is { } again)
            {
                delay = again;
            }

            await Task.Delay(delay, time, cancellationToken);
        }
    }

    /// <summary>How long to wait before the next attempt; null when there is to be none.</summary>
    /// <param name="failure">How the last attempt ended.</param>
    /// <param name="attempt">How many attempts there were, 1 or more.</param>
    /// <param name="elapsed">Time since the first.</param>
    /// <param name="repeatWhenUnavailable">Whether repeating is harmless when it is not known what became of the call.</param>
    internal static TimeSpan? DelayBefore(RpcException failure, int attempt, TimeSpan elapsed, bool repeatWhenUnavailable) => failure.StatusCode switch
    {
        // Without the trailer the refusal is not about load: a message over the size limit has the same status.
        StatusCode.ResourceExhausted when elapsed < PatienceWhenBusy && RetryAfter(failure) is { } wait => wait * Jitter(),
        // A proxy that goes away in the middle of a call ends it as cancelled.
        StatusCode.Unavailable or StatusCode.Cancelled when repeatWhenUnavailable && elapsed < PatienceWhenAway => Backoff(attempt),
        _ => null,
    };

    /// <summary>A delay that doubles from 0.1 s to 5 s, spread so that many callers do not come back at once.</summary>
    internal static TimeSpan Backoff(int attempt)
    {
        var delay = TimeSpan.FromMilliseconds(100 * Math.Pow(2, Math.Min(attempt, 10) - 1));
        return (delay < LongestBackoff ? delay : LongestBackoff) * Jitter();
    }

    private static TimeSpan? RetryAfter(RpcException failure) =>
        int.TryParse(failure.Trailers.GetValue("grpc-retry-pushback-ms"), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            ? TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 1, 60_000))
            : null;

#pragma warning disable CA5394 // Spreads retries; nothing is kept secret by it.
    private static double Jitter() => 0.75 + (Random.Shared.NextDouble() / 2);
#pragma warning restore CA5394
}
