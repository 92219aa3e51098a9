using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using RabbitMQ.Client;

namespace Melanoma.IntegrationTests.Gateway.Operations;

public sealed class OperationsFaultTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_serve_and_say_that_queues_are_unknown_when_there_is_no_broker(bool isConfigured)
    {
        await using var stand = await OperationsStand.PrepareAsync(
            servers, Cancellation, ("ConnectionStrings__rabbitmq", isConfigured ? $"amqp://melanoma:secret@127.0.0.1:{FreePort.Next()}/melanoma" : null));
        await stand.StartGatewayAsync(Cancellation);

        var status = await stand.Client.GetStatusAsync(new GetStatusRequest(), cancellationToken: Cancellation);
        var listed = await stand.Client.ListFailedMessagesAsync(new ListFailedMessagesRequest(), cancellationToken: Cancellation);
        await stand.ExecuteAsync(
            """
            INSERT INTO failed_messages (fingerprint, queue, kind, headers, body, body_bytes, reason, failed_at, state)
            VALUES ('\x01', 'inference-model-trained', 'fault', '{}', '\x01', 1, 'r', now(), 'waiting')
            """, Cancellation);
        var refusal = await Assert.ThrowsAsync<RpcException>(
            async () => await stand.Client.ReplayMessagesAsync(new ReplayMessagesRequest { Queue = MessageQueues.ModelTrained.Name }, cancellationToken: Cancellation));

        Assert.Contains(isConfigured ? "does not answer" : "ConnectionStrings__rabbitmq", status.BrokerTrouble, StringComparison.Ordinal);
        Assert.All(status.Queues, queue => Assert.False(queue.HasDepth));
        Assert.Equal(0u, listed.Total);
        Assert.Equal(isConfigured ? StatusCode.Unavailable : StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.DoesNotContain("secret", stand.Gateway.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_take_failed_messages_in_when_the_broker_comes_late_and_when_it_comes_back()
    {
        await using var relay = new TcpRelay();
        await using var stand = await OperationsStand.PrepareAsync(servers, Cancellation);
        stand.Environment["ConnectionStrings__rabbitmq"] = new UriBuilder(stand.Broker) { Port = relay.Port }.Uri.AbsoluteUri;
        await stand.StartGatewayAsync(Cancellation);
        Assert.NotEmpty((await stand.Client.GetStatusAsync(new GetStatusRequest(), cancellationToken: Cancellation)).BrokerTrouble);

        relay.Open(stand.Broker.Port);
        var channel = await stand.OpenChannelAsync(Cancellation);
        await WaitForQueueAsync(stand);
        await PublishAsync(channel, 1);
        await stand.WaitForFailuresAsync(MessageQueues.ModelTrained.Name, 1, Cancellation);

        await relay.CutAsync();
        await PublishAsync(channel, 1, first: 1);
        relay.Open(stand.Broker.Port);

        await stand.WaitForFailuresAsync(MessageQueues.ModelTrained.Name, 2, Cancellation);
        Assert.Equal("", (await stand.Client.GetStatusAsync(new GetStatusRequest(), cancellationToken: Cancellation)).BrokerTrouble);
    }

    [Fact]
    public async Task Should_have_one_row_when_the_gateway_is_killed_between_the_row_and_the_answer_to_the_broker()
    {
        await using var stand = await OperationsStand.PrepareAsync(servers, Cancellation);
        await stand.StartGatewayAsync(Cancellation);
        // The statement commits after a while, whoever has died meanwhile.
        await stand.ExecuteAsync(
            """
            CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;
            CREATE TRIGGER slowly AFTER INSERT ON failed_messages FOR EACH STATEMENT EXECUTE FUNCTION slowly();
            """, Cancellation);
        var channel = await stand.OpenChannelAsync(Cancellation);
        await WaitForQueueAsync(stand);
        await PublishAsync(channel, 1);
        await WaitAsync(stand, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1);

        await stand.Gateway.KillAsync();
        await WaitAsync(stand, "SELECT count(*) FROM failed_messages", 1);
        await stand.ExecuteAsync("DROP TRIGGER slowly ON failed_messages", Cancellation);
        await OperationsStand.WaitAsync(
            async () => await channel.MessageCountAsync(MessageQueues.ModelTrained.FaultQueue, Cancellation) == 1, () => "the broker has not taken the message back", Cancellation);
        await stand.StartGatewayAsync(Cancellation);
        // Behind it in the queue, so that the first one is settled when this one is.
        await PublishAsync(channel, 1, first: 1);
        await stand.WaitForFailuresAsync(MessageQueues.ModelTrained.Name, 2, Cancellation);

        Assert.Equal(2, await stand.QueryAsync<long>("SELECT count(*) FROM failed_messages", Cancellation));
        await OperationsStand.WaitAsync(
            async () => await channel.MessageCountAsync(MessageQueues.ModelTrained.FaultQueue, Cancellation) == 0, () => "messages are left", Cancellation);
    }

    [Fact]
    public async Task Should_have_each_of_10000_poison_messages_once_when_gateways_take_them_and_one_is_killed()
    {
        const int Count = 10_000;
        await using var stand = await OperationsStand.PrepareAsync(servers, Cancellation);
        await stand.StartGatewayAsync(Cancellation);
        var first = stand.Gateway;
        var channel = await stand.OpenChannelAsync(Cancellation);
        await WaitForQueueAsync(stand);
        await stand.StartGatewayAsync(Cancellation);
        var started = TimeProvider.System.GetTimestamp();
        await PublishAsync(channel, Count);
        await first.KillAsync();

        await OperationsStand.WaitAsync(
            async () => await stand.QueryAsync<long>("SELECT count(*) FROM failed_messages", Cancellation) >= Count
                && await channel.MessageCountAsync(MessageQueues.ModelTrained.FaultQueue, Cancellation) == 0,
            () => "not all are taken", Cancellation);

        TestContext.Current.TestOutputHelper?.WriteLine($"{Count} published and taken in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s");
        Assert.Equal(Count, await stand.QueryAsync<long>("SELECT count(DISTINCT message_id) FROM failed_messages", Cancellation));
        Assert.Equal(Count, await stand.QueryAsync<long>("SELECT count(*) FROM failed_messages", Cancellation));
    }

    [Fact]
    public async Task Should_say_that_its_consumer_died_each_time_when_the_broker_gave_a_message_up()
    {
        await using var stand = await OperationsStand.PrepareAsync(servers, Cancellation);
        await stand.StartGatewayAsync(Cancellation);
        var consumer = await stand.ConsumeAsync(Cancellation);
        await consumer.Host.DisposeAsync();
        var channel = await stand.OpenChannelAsync(Cancellation);
        await channel.BasicPublishAsync("", MessageQueues.ModelTrained.Name, mandatory: true, new BasicProperties { MessageId = "deadly" }, "{}"u8.ToArray(), Cancellation);

        // Whoever takes it goes away without an answer, as a process that dies does.
        IReadOnlyList<FailedMessage> failed = [];
        await OperationsStand.WaitAsync(
            async () =>
            {
                await using (var dying = await stand.OpenChannelAsync(Cancellation))
                    await dying.BasicGetAsync(MessageQueues.ModelTrained.Name, autoAck: false, Cancellation);
                failed = await stand.WaitForFailuresAsync(MessageQueues.ModelTrained.Name, 0, Cancellation);
                return failed.Count > 0;
            },
            () => "the message is not listed", Cancellation);

        var message = Assert.Single(failed);
        Assert.Equal((FailureKind.Dead, "deadly"), (message.Kind, message.MessageId));
        Assert.Contains("each time its consumer ended", message.Reason, StringComparison.Ordinal);
    }

    private static async Task PublishAsync(IChannel channel, int count, int first = 0)
    {
        for (var number = first; number < first + count; number++)
        {
            var properties = new BasicProperties { MessageId = number.ToString(CultureInfo.InvariantCulture), Persistent = true };
            await channel.BasicPublishAsync("", MessageQueues.ModelTrained.FaultQueue, mandatory: true, properties, "poison"u8.ToArray(), Cancellation);
        }
    }

    // The Gateway makes its queues after it is ready: it does not wait for a broker.
    private static Task WaitForQueueAsync(OperationsStand stand) => OperationsStand.WaitAsync(
        async () => (await stand.Client.GetStatusAsync(new GetStatusRequest(), cancellationToken: Cancellation)).BrokerTrouble.Length == 0 && await ExistsAsync(stand),
        () => "the failure queues are not there", Cancellation);

    private static async Task<bool> ExistsAsync(OperationsStand stand)
    {
        try
        {
            await using var channel = await stand.OpenChannelAsync(Cancellation);
            await channel.QueueDeclarePassiveAsync(MessageQueues.ModelTrained.FaultQueue, Cancellation);
            return true;
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return false;
        }
    }

    private static Task WaitAsync(OperationsStand stand, string count, long atLeast) => OperationsStand.WaitAsync(
        async () => await stand.QueryAsync<long>(count, Cancellation) >= atLeast, () => $"{count}: fewer than {atLeast}", Cancellation);
}
