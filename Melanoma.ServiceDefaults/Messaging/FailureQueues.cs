using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.ServiceDefaults.Messaging;

/// <summary>
/// Where messages end that no consumer could deal with. Consumers make these queues when the first message fails; whoever empties them
/// declares them alike before.
/// </summary>
public static class FailureQueues
{
    internal const string DeliveryLimitArgument = "x-delivery-limit";

    /// <summary>How many times a message is delivered whose consumer dies each time.</summary>
    internal const int DeliveryLimit = 10;

    private const string ExpiryArgument = "x-expires";

    /// <summary>The failure queues of a queue, and the arguments that the broker knows each by; all are durable.</summary>
    public static IEnumerable<(string Name, IReadOnlyDictionary<string, object?> Arguments)> Of(QueueContract queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var quorum = new Dictionary<string, object?> { ["x-queue-type"] = "quorum" };
        // MassTransit gives them the arguments of the queue itself.
        var asItself = queue.DeadQueue is { } dead
            ? new Dictionary<string, object?>(quorum) { [DeliveryLimitArgument] = DeliveryLimit, ["x-dead-letter-exchange"] = dead }
            : [];
        yield return (queue.FaultQueue, asItself);
        yield return (queue.SkippedQueue, asItself);
        if (queue.DeadQueue is not null)
            yield return (queue.DeadQueue, quorum);
    }

    /// <summary>Replicas share the failure queues of their own queues, and these do not go with the replica.</summary>
    internal static void Configure(IRabbitMqSendTopologyConfigurator topology, IReadOnlyCollection<BusQueue> queues)
    {
        var names = new Names(queues.ToDictionary(queue => queue.Name, queue => queue.Queue));
        topology.ErrorQueueNameFormatter = names;
        topology.DeadLetterQueueNameFormatter = names;
        topology.ConfigureErrorSettings = settings => settings.SetQueueArgument(ExpiryArgument, null);
        topology.ConfigureDeadLetterSettings = settings => settings.SetQueueArgument(ExpiryArgument, null);
    }

    private sealed class Names(Dictionary<string, QueueContract> queues) : IErrorQueueNameFormatter, IDeadLetterQueueNameFormatter
    {
        public string FormatErrorQueueName(string queueName) => queues.TryGetValue(queueName, out var queue) ? queue.FaultQueue : $"{queueName}_error";

        // MassTransit calls dead letters what nobody takes.
        public string FormatDeadLetterQueueName(string queueName) => queues.TryGetValue(queueName, out var queue) ? queue.SkippedQueue : $"{queueName}_skipped";
    }
}
