using System.Threading.Channels;
using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Operations;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>
/// Takes failed messages out of the broker's failure queues into the database, where they can be looked at and decided on. The broker is answered when the rows
/// are committed, so that a message is in one of the two at any instant; one that is delivered again finds its row. Every replica of the Gateway does it.
/// </summary>
internal sealed partial class FailedMessageDrain(Broker broker, FailedMessageStore store, TimeProvider time, ILogger<FailedMessageDrain> logger) : BackgroundService
{
    private const int Prefetch = 250;
    private const int BatchSize = 500;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(2);

    private string? _trouble;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (broker.IsConfigured && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                await DrainAsync(stoppingToken);
            }
            catch (Exception failure) when (BrokerTrouble.Is(failure))
            {
                Say(BrokerTrouble.Explain(failure));
            }

            await Task.Delay(RetryDelay, time, stoppingToken);
        }
    }

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        var connection = await broker.ConnectAsync(cancellationToken);
        await DeclareAsync(connection, cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        await channel.BasicQosAsync(prefetchSize: 0, Prefetch, global: false, cancellationToken);
        var arrived = Channel.CreateUnbounded<FailedDelivery>(new UnboundedChannelOptions { SingleReader = true });
        channel.ChannelShutdownAsync += (_, reason) =>
        {
            arrived.Writer.TryComplete(new OperationInterruptedException(reason));
            return Task.CompletedTask;
        };
        foreach (var (queue, kind, name) in Sources())
            await channel.BasicConsumeAsync(name, autoAck: false, ConsumerOf(channel, queue, kind, arrived.Writer), cancellationToken);
        if (_trouble is not null)
            LogGoesOn();
        _trouble = null;

        var batch = new List<FailedDelivery>(BatchSize);
        while (await arrived.Reader.WaitToReadAsync(cancellationToken))
        {
            batch.Clear();
            while (batch.Count < BatchSize && arrived.Reader.TryRead(out var delivery))
                batch.Add(delivery);
            await StoreAsync(batch, channel, cancellationToken);
            // All consumers share the channel, so the last one's number covers those before.
            await channel.BasicAckAsync(batch[^1].Tag, multiple: true, cancellationToken);
            LogTaken(batch.Count);
        }
    }

    // Each failing declaration closes its channel; a queue that is there with other arguments does as well.
    private static async Task DeclareAsync(IConnection connection, CancellationToken cancellationToken)
    {
        IChannel? channel = null;
        try
        {
            foreach (var (name, arguments) in MessageQueues.All.SelectMany(FailureQueues.Of))
            {
                channel ??= await connection.CreateChannelAsync(cancellationToken: cancellationToken);
                try
                {
                    await channel.QueueDeclareAsync(
                        name, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>(arguments), cancellationToken: cancellationToken);
                }
                catch (OperationInterruptedException refusal) when (refusal.ShutdownReason?.ReplyCode == Constants.PreconditionFailed)
                {
                    await channel.DisposeAsync();
                    channel = null;
                }
            }
        }
        finally
        {
            if (channel is not null)
                await channel.DisposeAsync();
        }
    }

    private static IEnumerable<(QueueContract Queue, FailureKind Kind, string Name)> Sources()
    {
        foreach (var queue in MessageQueues.All)
        {
            yield return (queue, FailureKind.Fault, queue.FaultQueue);
            yield return (queue, FailureKind.Skipped, queue.SkippedQueue);
            if (queue.DeadQueue is { } dead)
                yield return (queue, FailureKind.Dead, dead);
        }
    }

    private static AsyncEventingBasicConsumer ConsumerOf(IChannel channel, QueueContract queue, FailureKind kind, ChannelWriter<FailedDelivery> arrived)
    {
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            arrived.TryWrite(FailedDelivery.Take(queue, kind, delivery.DeliveryTag, delivery.BasicProperties, delivery.Body.Span));
            return Task.CompletedTask;
        };
        consumer.UnregisteredAsync += (_, _) =>
        {
            arrived.TryComplete(new IOException("A failure queue is gone."));
            return Task.CompletedTask;
        };
        return consumer;
    }

    // While the database is away the messages stay the broker's.
    private async Task StoreAsync(List<FailedDelivery> batch, IChannel channel, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await store.AddAsync(batch.ConvertAll(delivery => delivery.ToRow(time.GetUtcNow())), cancellationToken);
                return;
            }
            catch (Exception failure) when (DatabaseTrouble.Is(failure) && channel.IsOpen)
            {
                LogDatabaseLost(failure.Message);
                await Task.Delay(RetryDelay, time, cancellationToken);
            }
            catch (Exception failure) when (DatabaseTrouble.Is(failure))
            {
                throw new IOException("The broker was lost while the database was away.", failure);
            }
        }
    }

    private void Say(string trouble)
    {
        if (trouble != _trouble)
            LogBrokerLost(trouble);
        _trouble = trouble;
    }

    [LoggerMessage(41, LogLevel.Warning, "Failed messages stay in their queues: {Reason}")]
    private partial void LogBrokerLost(string reason);

    [LoggerMessage(42, LogLevel.Information, "Failed messages are taken out of their queues again")]
    private partial void LogGoesOn();

    [LoggerMessage(43, LogLevel.Warning, "{Count} failed messages were taken out of their queues; `melanoma ops errors list` shows them")]
    private partial void LogTaken(int count);

    [LoggerMessage(44, LogLevel.Warning, "Failed messages cannot be stored and stay in their queues: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
