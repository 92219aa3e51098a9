using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Melanoma.Gateway.Refusals;
using Microsoft.Extensions.Options;

namespace Melanoma.Gateway.Access;

/// <summary>
/// Slows down whoever tries API keys, sessions or sign-in tickets: an address (of IPv6 a /64) that has sent several wrong ones is refused without a look into the
/// database. 256 random bits are not guessed; it is the database and the log that are spared. Keys and sessions that this Gateway has known to be good within the hour pass
/// all the same, and so do bearer tokens, which no database is asked about; a key that is new to this Gateway waits a little where a neighbour behind the same address misbehaves.
/// </summary>
internal sealed partial class WrongCredentials(IOptions<AccessOptions> options, CredentialDirectory credentials, TimeProvider time, ILogger<WrongCredentials> logger)
{
    private const int MaxRemembered = 10_000;

    private static readonly object Blocked = new();

    private readonly ConcurrentDictionary<IPAddress, Attempts> _attempts = new();

    /// <summary>Whether the credential is worth a look.</summary>
    public bool MayTry(HttpContext context, string? secret)
    {
        if (!_attempts.TryGetValue(AddressOf(context), out var attempts) || attempts.Left(time.GetUtcNow(), options.Value.WrongCredentialsPerMinute) >= 1)
            return true;
        if (credentials.WasGoodLately(secret))
            return true;
        context.Items[Blocked] = Blocked;
        return false;
    }

    /// <summary>Counts a wrong credential.</summary>
    public void Note(HttpContext context)
    {
        var (address, now, perMinute) = (AddressOf(context), time.GetUtcNow(), options.Value.WrongCredentialsPerMinute);
        if (_attempts.Count >= MaxRemembered)
        {
            foreach (var (forgiven, _) in _attempts.Where(pair => pair.Value.Left(now, perMinute) >= perMinute))
                _attempts.TryRemove(forgiven, out _);
        }

        if (_attempts.GetOrAdd(address, _ => new Attempts(perMinute, now)).Take(now, perMinute))
            LogBlocked(address, perMinute);
    }

    /// <summary>What a blocked call is told; null for one that is not blocked.</summary>
    public Refusal? RefusalFor(HttpContext context) => context.Items.ContainsKey(Blocked)
        ? Refusal.TooManyWrongCredentials(TimeSpan.FromMinutes(1) / options.Value.WrongCredentialsPerMinute)
        : null;

    private static IPAddress AddressOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.IsIPv4MappedToIPv6)
            return address;
        var network = address.GetAddressBytes();
        network.AsSpan(8).Clear();
        return new IPAddress(network);
    }

    /// <summary>A bucket that holds a minute's attempts and fills at their rate.</summary>
    private sealed class Attempts(double left, DateTimeOffset at)
    {
        private readonly Lock _lock = new();
        private double _left = left;
        private DateTimeOffset _at = at;

        public double Left(DateTimeOffset now, int perMinute)
        {
            lock (_lock)
            {
                _left = Math.Min(perMinute, _left + ((now - _at).TotalMinutes * perMinute));
                _at = now;
                return _left;
            }
        }

        /// <summary>Takes one; true when that was the last.</summary>
        public bool Take(DateTimeOffset now, int perMinute)
        {
            lock (_lock)
            {
                var before = Left(now, perMinute);
                _left = Math.Max(0, before - 1);
                return before >= 1 && _left < 1;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Address} has sent {PerMinute} wrong credentials within a minute; further ones are refused unseen for a while")]
    private partial void LogBlocked(IPAddress address, int perMinute);
}
