using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Messaging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Melanoma.Gateway.Operations;

/// <summary>How much stands in a queue.</summary>
/// <param name="Depth">Messages that wait; null where there is no such queue yet, or each replica has its own.</param>
/// <param name="Consumers">Who takes them; null likewise.</param>
/// <param name="FailedOnTheWay">Messages in its failure queues.</param>
internal sealed record QueueDepth(uint? Depth, uint? Consumers, uint FailedOnTheWay);

/// <summary>Asks the broker how much stands in the product's queues. No message is touched: each delivery would count towards the queue's limit.</summary>
internal sealed class QueueDepths(Broker broker)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>What stands in each queue by its name; none and a sentence where the broker cannot be asked.</summary>
    public async Task<(IReadOnlyDictionary<string, QueueDepth> Depths, string Trouble)> AskAsync(CancellationToken cancellationToken)
    {
        var depths = new Dictionary<string, QueueDepth>();
        if (!broker.IsConfigured)
            return (depths, Broker.NotConfigured);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            await using var asking = new Asking(await broker.ConnectAsync(patience.Token));
            foreach (var queue in MessageQueues.All)
            {
                var itself = queue.PerReplica ? null : await asking.AskAsync(queue.Name, patience.Token);
                var failed = 0u;
                foreach (var (name, _) in FailureQueues.Of(queue))
                    failed += (await asking.AskAsync(name, patience.Token))?.MessageCount ?? 0;
                depths.Add(queue.Name, new QueueDepth(itself?.MessageCount, itself?.ConsumerCount, failed));
            }

            return (depths, "");
        }
        catch (Exception failure) when (BrokerTrouble.Is(failure) || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return (new Dictionary<string, QueueDepth>(), BrokerTrouble.Explain(failure));
        }
    }

    /// <summary>Asks on one channel, and on another after a question about a queue that is not there: the broker closes the channel for it.</summary>
    private sealed class Asking(IConnection connection) : IAsyncDisposable
    {
        private IChannel? _channel;

        public async Task<QueueDeclareOk?> AskAsync(string queue, CancellationToken cancellationToken)
        {
            _channel ??= await connection.CreateChannelAsync(cancellationToken: cancellationToken);
            try
            {
                return await _channel.QueueDeclarePassiveAsync(queue, cancellationToken);
            }
            catch (OperationInterruptedException refusal) when (refusal.ShutdownReason?.ReplyCode == Constants.NotFound)
            {
                await DisposeAsync();
                return null;
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_channel is not null)
                await _channel.DisposeAsync();
            _channel = null;
        }
    }
}
