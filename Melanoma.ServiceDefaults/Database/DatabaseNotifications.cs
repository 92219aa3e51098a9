using System.Collections.Concurrent;
using System.Threading.Channels;
using Melanoma.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Melanoma.ServiceDefaults.Database;

/// <summary>
/// One connection that listens to the database's NOTIFY channels for the whole process. A notification is only a hint
/// to look: after a lost connection every subscriber is woken, because hints may have been missed.
/// </summary>
public sealed partial class DatabaseNotifications(NpgsqlDataSource dataSource, TimeProvider time, ILogger<DatabaseNotifications> logger) : BackgroundService
{
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Subscription, byte> _subscriptions = [];

    /// <summary>Begins to collect the hints of a channel; dispose of the subscription to stop.</summary>
    public Subscription Subscribe(string channel)
    {
        var subscription = new Subscription(this, channel);
        _subscriptions.TryAdd(subscription, 0);
        return subscription;
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is NpgsqlException or IOException or TimeoutException)
            {
                LogLost(exception.Message);
                await Task.Delay(ReconnectDelay, time, stoppingToken);
            }
        }
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        connection.Notification += (_, notification) => Wake(notification.Channel, notification.Payload);
        await using (var listen = new NpgsqlCommand(
            $"LISTEN {MelanomaDatabase.OutboxChannel}; LISTEN {MelanomaDatabase.RunsChannel}; LISTEN {MelanomaDatabase.PredictionsChannel}; LISTEN {MelanomaDatabase.CredentialsChannel}", connection))
        {
            await listen.ExecuteNonQueryAsync(cancellationToken);
        }

        Wake(channel: null, payload: "");
        while (true)
        {
            await connection.WaitAsync(cancellationToken);
        }
    }

    private void Wake(string? channel, string payload)
    {
        foreach (var subscription in _subscriptions.Keys)
        {
            if (channel is null || subscription.Channel == channel)
            {
                subscription.Wake(payload);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The connection that listens for notifications was lost and is opened again: {Reason}")]
    private partial void LogLost(string reason);

    /// <summary>The hints of one channel for one listener. Hints that come while nobody waits are kept, at most 1,024; past that the oldest go.</summary>
    public sealed class Subscription : IDisposable
    {
        private readonly DatabaseNotifications _owner;
        private readonly Channel<string> _hints = System.Threading.Channels.Channel.CreateBounded<string>(
            new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropOldest });

        internal Subscription(DatabaseNotifications owner, string channel)
        {
            _owner = owner;
            Channel = channel;
        }

        internal string Channel { get; }

        /// <summary>
        /// Waits for a hint whose payload passes <paramref name="concerns"/> (an empty payload always does), and for
        /// <paramref name="atMost"/> at the longest, so that a lost hint costs time and nothing else.
        /// </summary>
        public async Task WaitAsync(Func<string, bool> concerns, TimeSpan atMost, CancellationToken cancellationToken)
        {
            using var deadline = new CancellationTokenSource(atMost, _owner.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            try
            {
                while (await _hints.Reader.ReadAsync(either.Token) is { Length: > 0 } payload && !concerns(payload))
                {
                }

                // What has gathered meanwhile is answered by the same look.
                while (_hints.Reader.TryRead(out _))
                {
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
            }
        }

        /// <inheritdoc />
        public void Dispose() => _owner._subscriptions.TryRemove(this, out _);

        internal void Wake(string payload) => _hints.Writer.TryWrite(payload);
    }

    private TimeProvider Time => time;
}
