using MassTransit;
using Melanoma.Contracts.Messages;
using Melanoma.Storage.Roles;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Melanoma.ServiceDefaults.Messaging;

/// <summary>The bus in one call.</summary>
public static class MelanomaBusRegistration
{
    /// <summary>
    /// Connects to RabbitMQ, declares the service's queues and starts the relay of its outbox. The service starts without
    /// a broker, is not ready until there is one, and carries on when it comes.
    /// </summary>
    /// <param name="builder">The host.</param>
    /// <param name="role">The service, whose outbox rows are published.</param>
    /// <param name="queues">Which queues the service takes messages from.</param>
    /// <exception cref="InvalidOperationException">The connection string <c>rabbitmq</c> is not configured.</exception>
    public static WebApplicationBuilder AddMelanomaBus(this WebApplicationBuilder builder, ServiceRole role, Action<BusQueues>? queues = null)
    {
        var connectionString = builder.Configuration.GetConnectionString("rabbitmq")
            ?? throw new InvalidOperationException("The connection string 'rabbitmq' is missing: set ConnectionStrings__rabbitmq to an amqp:// address.");
        var declared = new BusQueues();
        queues?.Invoke(declared);

        builder.Services.AddMassTransit(bus =>
        {
            // MassTransit would tell its makers how it is used: nothing leaves an installation unasked.
            bus.DisableUsageTelemetry();
            foreach (var queue in declared.Queues)
            {
                bus.AddConsumer(queue.Consumer);
            }

            bus.ConfigureHealthCheckOptions(health =>
            {
                health.Name = "bus";
                health.Tags.Clear();
                health.Tags.Add(ServiceDefaultsRegistration.ReadyTag);
            });
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.Host(new Uri(connectionString), host => host.PublisherConfirmation = true);
                FailureQueues.Configure(rabbit.SendTopology, declared.Queues);
                foreach (var queue in declared.Queues)
                {
                    rabbit.ReceiveEndpoint(queue.Name, endpoint => Configure(endpoint, queue, context));
                }
            });
        });
        builder.Services.AddSingleton(new OutboxOwner(role));
        builder.Services.AddHostedService<OutboxRelay>();
        return builder;
    }

    private static void Configure(IRabbitMqReceiveEndpointConfigurator endpoint, BusQueue queue, IBusRegistrationContext context)
    {
        endpoint.PrefetchCount = (ushort)queue.Concurrency;
        endpoint.ConcurrentMessageLimit = queue.Concurrency;
        if (queue.Queue.PerReplica)
        {
            // RabbitMQ 4 refuses transient shared queues, so a replica's queue is durable and goes some time after the replica.
            endpoint.Durable = true;
            endpoint.QueueExpiration = TimeSpan.FromMinutes(10);
        }
        else
        {
            // A message that kills its consumer each time ends beside the queue, on every version of the broker alike.
            endpoint.SetQuorumQueue();
            endpoint.SetQueueArgument(FailureQueues.DeliveryLimitArgument, FailureQueues.DeliveryLimit);
            endpoint.BindDeadLetterQueue(queue.Queue.DeadQueue, queue.Queue.DeadQueue, dead => dead.SetQuorumQueue());
        }

        endpoint.UseMessageRetry(retry => retry.Exponential(4, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(2)));
        endpoint.ConfigureConsumer(context, queue.Consumer);
    }
}

/// <summary>The queues that a service takes messages from.</summary>
public sealed class BusQueues
{
    private readonly List<BusQueue> _queues = [];

    internal IReadOnlyList<BusQueue> Queues => _queues;

    /// <summary>Takes messages from a queue, at most <paramref name="concurrency"/> at a time in each replica.</summary>
    public BusQueues Add<TConsumer>(QueueContract queue, int concurrency = 1)
        where TConsumer : class, IConsumer
    {
        ArgumentNullException.ThrowIfNull(queue);
        _queues.Add(new BusQueue(queue, typeof(TConsumer), concurrency));
        return this;
    }
}

internal sealed record BusQueue(QueueContract Queue, Type Consumer, int Concurrency)
{
    /// <summary>The queue's name at the broker.</summary>
    public string Name { get; } = Queue.PerReplica ? $"{Queue.Name}.{Replica.Name}" : Queue.Name;
}

internal sealed record OutboxOwner(ServiceRole Role);
