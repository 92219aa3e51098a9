using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Net.Client;
using MassTransit;
using Melanoma.Contracts.Messages;
using Melanoma.IntegrationTests.Servers;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;
using Melanoma.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using RabbitMQ.Client;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.IntegrationTests.Gateway.Operations;

/// <summary>A real Gateway on a database and a virtual host of its own; the test plays the services.</summary>
internal sealed class OperationsStand : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _owned = [];

    private OperationsStand(Dictionary<string, string?> environment, string database, string broker)
    {
        Environment = environment;
        Broker = new Uri(broker);
        DatabaseAddress = database;
        Database = NpgsqlDataSource.Create(database);
    }

    /// <summary>The key of the tests is called so.</summary>
    public const string KeyName = "operator";

    public Dictionary<string, string?> Environment { get; }

    public Uri Broker { get; }

    public string DatabaseAddress { get; }

    public NpgsqlDataSource Database { get; }

    public string Key { get; private set; } = "";

    public ServiceProcess Gateway { get; private set; } = null!;

    public V1.Operations.OperationsClient Client { get; private set; } = null!;

    /// <summary>Prepares everything; <see cref="StartGatewayAsync"/> starts the Gateway.</summary>
    public static async Task<OperationsStand> PrepareAsync(TestServers servers, CancellationToken cancellationToken, params (string Name, string? Value)[] settings)
    {
        var database = await servers.CreateMigratedDatabaseAsync(cancellationToken);
        var broker = await servers.CreateVirtualHostAsync(cancellationToken);
        var environment = new Dictionary<string, string?> { ["ConnectionStrings__melanoma"] = database, ["ConnectionStrings__rabbitmq"] = broker };
        foreach (var (name, value) in settings)
            environment[name] = value;
        var stand = new OperationsStand(environment, database, broker);
        stand.Key = (await ServiceProcess.RunAsync("Gateway", environment, ["keys", "create", "--name", KeyName, "--tenant", "t", "--roles", "classify,data,ops,read"], cancellationToken)).TrimEnd('\n');
        return stand;
    }

    /// <summary>Starts a Gateway, or another one after the last was killed.</summary>
    public async Task StartGatewayAsync(CancellationToken cancellationToken)
    {
        Gateway = ServiceProcess.Start("Gateway", Environment);
        _owned.Add(Gateway);
        await Gateway.WaitUntilReadyAsync(cancellationToken);
        var channel = GrpcChannel.ForAddress(Gateway.Grpc, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        Client = new V1.Operations.OperationsClient(channel.CreateCallInvoker().With("x-api-key", Key));
    }

    /// <summary>An HTTP client with the key.</summary>
    public HttpClient Browse() => new() { BaseAddress = Gateway.Http, DefaultRequestHeaders = { { "x-api-key", Key } } };

    /// <summary>Plays the service that takes <see cref="MessageQueues.ModelTrained"/> and <see cref="MessageQueues.ModelPromoted"/>.</summary>
    public async Task<TestConsumer> ConsumeAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        // Settings of the services under test lie beside this program, with their ports.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:melanoma"] = DatabaseAddress,
            ["ConnectionStrings:rabbitmq"] = Broker.OriginalString,
        });
        builder.AddServiceDefaults().AddMelanomaDatabase(ServiceRole.Inference).AddMelanomaBus(ServiceRole.Inference, queues => queues
            .Add<ModelTrainedConsumer>(MessageQueues.ModelTrained, concurrency: 8).Add<ModelPromotedConsumer>(MessageQueues.ModelPromoted));
        var consumer = new TestConsumer();
        builder.Services.AddSingleton(consumer);
        var app = builder.Build();
        await app.StartAsync(cancellationToken);
        await app.Services.GetRequiredService<IBusControl>().WaitForHealthStatus(BusHealthStatus.Healthy, cancellationToken);
        consumer.Bus = app.Services.GetRequiredService<IBus>();
        consumer.Host = new RunningHost(app);
        _owned.Add(consumer.Host);
        return consumer;
    }

    /// <summary>A channel of the test's own to the broker.</summary>
    public async Task<IChannel> OpenChannelAsync(CancellationToken cancellationToken)
    {
        var connection = await new ConnectionFactory { Uri = Broker }.CreateConnectionAsync(cancellationToken);
        _owned.Add(connection);
        return await connection.CreateChannelAsync(cancellationToken: cancellationToken);
    }

    /// <summary>Waits until that many failed messages are listed, and returns them.</summary>
    public async Task<IReadOnlyList<V1.FailedMessage>> WaitForFailuresAsync(string queue, int count, CancellationToken cancellationToken)
    {
        V1.ListFailedMessagesResponse? list = null;
        await WaitAsync(
            async () => (list = await Client.ListFailedMessagesAsync(new V1.ListFailedMessagesRequest { Queue = queue, PageSize = 1000 }, cancellationToken: cancellationToken)).Total >= count,
            () => $"{list?.Total} of {count} failed messages of {queue} are listed",
            cancellationToken);
        return list!.Messages;
    }

    /// <summary>Waits until something is so, at most 90 seconds.</summary>
    public static async Task WaitAsync(Func<Task<bool>> condition, Func<string> state, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(90));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await condition())
        {
            try
            {
                await tick.WaitForNextTickAsync(deadline.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                Assert.Fail($"It took too long: {state()}");
            }
        }
    }

    public async Task<T> QueryAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>What the played service does, and what it got.</summary>
    internal sealed class TestConsumer
    {
        private readonly Channel<int> _consumed = Channel.CreateUnbounded<int>();

        /// <summary>Versions that it cannot deal with.</summary>
        public ConcurrentDictionary<int, string> Troubles { get; } = [];

        /// <summary>Versions that it dealt with.</summary>
        public ChannelReader<int> Consumed => _consumed.Reader;

        public IBus Bus { get; set; } = null!;

        /// <summary>The played service; stops when it is disposed of.</summary>
        public IAsyncDisposable Host { get; set; } = null!;

        public void Consume(int version)
        {
            if (Troubles.TryGetValue(version, out var trouble))
                throw new InvalidOperationException(trouble);
            _consumed.Writer.TryWrite(version);
        }
    }

    private sealed class RunningHost(WebApplication app) : IAsyncDisposable
    {
        private bool _stopped;

        public async ValueTask DisposeAsync()
        {
            if (_stopped)
                return;
            _stopped = true;
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }
    }

    internal sealed class ModelTrainedConsumer(TestConsumer consumer) : IConsumer<ModelTrained>
    {
        public Task Consume(ConsumeContext<ModelTrained> context)
        {
            consumer.Consume(context.Message.ModelVersion);
            return Task.CompletedTask;
        }
    }

    internal sealed class ModelPromotedConsumer(TestConsumer consumer) : IConsumer<ModelPromoted>
    {
        public Task Consume(ConsumeContext<ModelPromoted> context)
        {
            consumer.Consume(context.Message.ModelVersion);
            return Task.CompletedTask;
        }
    }
}
