using System.Threading.Channels;
using MassTransit;
using Melanoma.Contracts.Messages;
using Melanoma.IntegrationTests.Servers;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Melanoma.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Melanoma.IntegrationTests.Messaging;

public sealed class OutboxTests(TestServers servers)
{
    private static readonly QueueContract Queue = new("test.model-trained", typeof(ModelTrained));

    [Fact]
    public async Task Should_deliver_every_message_when_the_consumer_starts_after_the_publisher()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var connections = await ConnectionsAsync(cancellationToken);
        await using var publisher = await StartAsync(connections, ServiceRole.Training, queues: null, received: null, cancellationToken);
        await WriteAsync(publisher, ServiceRole.Training, Enumerable.Range(1, 250).Select(version => new ModelTrained(version)), cancellationToken);

        var received = Channel.CreateUnbounded<int>();
        await using var consumer = await StartAsync(
            connections, ServiceRole.Inference, queues => queues.Add<ModelTrainedConsumer>(Queue, concurrency: 8), received, cancellationToken);

        var versions = new HashSet<int>();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        while (versions.Count < 250)
        {
            versions.Add(await received.Reader.ReadAsync(deadline.Token));
        }

        Assert.Equal(Enumerable.Range(1, 250), versions.Order());
        await AssertDrainedAsync(publisher, deadline.Token);
    }

    [Fact]
    public async Task Should_send_nothing_when_the_transaction_rolls_back()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var connections = await ConnectionsAsync(cancellationToken);
        var received = Channel.CreateUnbounded<int>();
        await using var consumer = await StartAsync(
            connections, ServiceRole.Inference, queues => queues.Add<ModelTrainedConsumer>(Queue), received, cancellationToken);
        var databases = consumer.Services.GetRequiredService<IDbContextFactory<MelanomaDbContext>>();
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        await using (await database.Database.BeginTransactionAsync(cancellationToken))
        {
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Inference, new ModelTrained(666)));
            await database.SaveChangesAsync(cancellationToken);
        }

        await WriteAsync(consumer, ServiceRole.Inference, [new ModelTrained(1)], cancellationToken);
        Assert.Equal(1, await received.Reader.ReadAsync(cancellationToken));
        await AssertDrainedAsync(consumer, cancellationToken);
        Assert.False(received.Reader.TryRead(out _));
    }

    private async Task<(string Database, string Broker)> ConnectionsAsync(CancellationToken cancellationToken)
    {
        var database = await servers.CreateMigratedDatabaseAsync(cancellationToken);
        return (database, await servers.CreateVirtualHostAsync(cancellationToken));
    }

    private static async Task<RunningHost> StartAsync(
        (string Database, string Broker) connections, ServiceRole role, Action<BusQueues>? queues, Channel<int>? received, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();

        // Settings of the services under test lie beside this program, with their ports.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:melanoma"] = connections.Database,
            ["ConnectionStrings:rabbitmq"] = connections.Broker,
        });
        builder.AddServiceDefaults().AddMelanomaDatabase(role).AddMelanomaBus(role, queues);
        builder.Services.AddSingleton(received ?? Channel.CreateUnbounded<int>());
        var app = builder.Build();
        await app.StartAsync(cancellationToken);
        return new RunningHost(app);
    }

    private static async Task WriteAsync(RunningHost app, ServiceRole role, IEnumerable<ModelTrained> messages, CancellationToken cancellationToken)
    {
        await using var database = await app.Services.GetRequiredService<IDbContextFactory<MelanomaDbContext>>().CreateDbContextAsync(cancellationToken);
        database.Outbox.AddRange(messages.Select(message => OutboxMessage.For(role, message)));
        await database.SaveChangesAsync(cancellationToken);
    }

    private static async Task AssertDrainedAsync(RunningHost app, CancellationToken cancellationToken)
    {
        await using var database = await app.Services.GetRequiredService<IDbContextFactory<MelanomaDbContext>>().CreateDbContextAsync(cancellationToken);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (await database.Outbox.AnyAsync(message => message.SentAt == null, cancellationToken))
        {
            await tick.WaitForNextTickAsync(cancellationToken);
        }
    }

    private sealed class RunningHost(WebApplication app) : IAsyncDisposable
    {
        public IServiceProvider Services => app.Services;

        public async ValueTask DisposeAsync()
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }
    }

    internal sealed class ModelTrainedConsumer(Channel<int> received) : IConsumer<ModelTrained>
    {
        public Task Consume(ConsumeContext<ModelTrained> context)
        {
            received.Writer.TryWrite(context.Message.ModelVersion);
            return Task.CompletedTask;
        }
    }
}
