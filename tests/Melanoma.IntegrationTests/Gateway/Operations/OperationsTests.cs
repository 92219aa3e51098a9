using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Grpc.Core;
using MassTransit;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using RabbitMQ.Client;

namespace Melanoma.IntegrationTests.Gateway.Operations;

public sealed class OperationsTests(OperationsFixture fixture) : IClassFixture<OperationsFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private OperationsStand Stand => fixture.Stand;

    [Fact]
    public async Task Should_tell_why_a_message_failed_and_deliver_it_once_more_when_it_is_replayed()
    {
        fixture.Consumer.Troubles[7] = "version 7 cannot be judged:\0 its report is empty";
        await fixture.Consumer.Bus.Publish(new ModelTrained(7), Cancellation);

        var listed = (await FailedAsync(message => message.Reason.Contains("version 7", StringComparison.Ordinal)))!;
        Assert.Equal((MessageQueues.ModelTrained.Name, FailureKind.Fault, FailedMessageState.Waiting), (listed.Queue, listed.Kind, listed.State));
        Assert.Equal("System.InvalidOperationException", listed.ExceptionType);
        Assert.Contains("melanoma:model-trained:v1", listed.MessageType, StringComparison.Ordinal);
        var whole = await Stand.Client.GetFailedMessageAsync(new GetFailedMessageRequest { FailedMessageId = listed.FailedMessageId }, cancellationToken: Cancellation);
        Assert.Contains("TestConsumer.Consume", whole.StackTrace, StringComparison.Ordinal);
        Assert.Equal(7, JsonDocument.Parse(whole.BodyJson).RootElement.GetProperty("message").GetProperty("modelVersion").GetInt32());
        Assert.NotEqual(0u, (await QueueAsync(MessageQueues.ModelTrained)).FailedWaiting);

        fixture.Consumer.Troubles.Clear();
        var request = new ReplayMessagesRequest { FailedMessageIds = { listed.FailedMessageId } };
        var first = await Stand.Client.ReplayMessagesAsync(request, cancellationToken: Cancellation);
        var second = await Stand.Client.ReplayMessagesAsync(request, cancellationToken: Cancellation);

        Assert.Equal((1u, 0u, 0u), (first.Replayed, first.AlreadyDecided, first.RefusedCount));
        Assert.Equal((0u, 1u, 0u), (second.Replayed, second.AlreadyDecided, second.RefusedCount));
        await ConsumedAsync(7);
        var replayed = await Stand.Client.GetFailedMessageAsync(new GetFailedMessageRequest { FailedMessageId = listed.FailedMessageId }, cancellationToken: Cancellation);
        Assert.Equal((FailedMessageState.Replayed, OperationsStand.KeyName), (replayed.State, replayed.DecidedBy));
    }

    [Fact]
    public async Task Should_list_a_replicas_failure_under_its_queue_and_put_it_back_for_all_when_each_replica_has_its_own()
    {
        fixture.Consumer.Troubles[8] = "version 8 cannot be loaded";
        await fixture.Consumer.Bus.Publish(new ModelPromoted(8), Cancellation);

        var listed = (await FailedAsync(message => message.Reason.Contains("version 8", StringComparison.Ordinal)))!;
        Assert.Equal(MessageQueues.ModelPromoted.Name, listed.Queue);

        fixture.Consumer.Troubles.TryRemove(8, out _);
        var answer = await Stand.Client.ReplayMessagesAsync(new ReplayMessagesRequest { Queue = MessageQueues.ModelPromoted.Name }, cancellationToken: Cancellation);
        Assert.Equal((1u, 0u), (answer.Replayed, answer.Left));
        await ConsumedAsync(8);
    }

    [Fact]
    public async Task Should_keep_and_show_messages_when_nobody_can_read_them()
    {
        var channel = await Stand.OpenChannelAsync(Cancellation);
        // The broker ends the connection of whoever sends it what it cannot read itself.
        string? ended = null;
        channel.ChannelShutdownAsync += (_, reason) =>
        {
            ended = reason.ToString();
            return Task.CompletedTask;
        };
        var nested = Enumerable.Range(0, 40).Aggregate((object)"core", (inner, _) => new Dictionary<string, object?> { ["x"] = inner });
        var odd = new BasicProperties
        {
            MessageId = "half \uD83D of a character and \0",
            Headers = new Dictionary<string, object?>
            {
                ["nul"] = "a\0b",
                ["bytes"] = new byte[] { 0xFF, 0, 0xFE },
                ["deep"] = nested,
                ["list"] = new List<object?> { 1, true, null },
            },
        };
        byte[][] bodies =
        [
            [], [0, 0xFF, 0xC3, 0x28], "no JSON"u8.ToArray(), "[1,2"u8.ToArray(), "\"\\ud800\""u8.ToArray(), """{"messageType":["\ud800\u0000"]}"""u8.ToArray(),
            """{"messageType":["urn:message:Of:Nobody"],"message":{"modelVersion":1}}"""u8.ToArray(),
        ];
        foreach (var body in bodies)
            await channel.BasicPublishAsync("", MessageQueues.ModelTrained.Name, mandatory: true, odd, body, Cancellation);
        var unknown = new BasicProperties { ContentType = "application/vnd.masstransit+json", MessageId = "of nobody" };
        await channel.BasicPublishAsync("", MessageQueues.ModelTrained.Name, mandatory: true, unknown, bodies[^1], Cancellation);

        var tooLarge = new byte[(1024 * 1024) + 1];
        await channel.BasicPublishAsync("", MessageQueues.LesionViewsFound.FaultQueue, mandatory: true, odd, tooLarge, Cancellation);

        var kept = new List<FailedMessage>();
        await OperationsStand.WaitAsync(
            async () =>
            {
                var list = await ListAsync();
                kept = [.. list.Where(message => message.MessageId.StartsWith("half", StringComparison.Ordinal) || message.MessageId == "of nobody")];
                return kept.Count == bodies.Length + 2;
            },
            () => $"{ended}\n{string.Join('\n', kept.Select(message => $"{message.BodyBytes}: {message.Reason}"))}", Cancellation);

        Assert.Contains(kept, message => message.Kind == FailureKind.Skipped && message.MessageType == "urn:message:Of:Nobody");
        foreach (var message in kept)
        {
            var whole = await Stand.Client.GetFailedMessageAsync(new GetFailedMessageRequest { FailedMessageId = message.FailedMessageId }, cancellationToken: Cancellation);
            Assert.NotEmpty(whole.Reason);
            Assert.Equal(whole.BodyBytes is 0 or > 1024 * 1024, whole.BodyJson.Length + whole.BodyBase64.Length == 0);
        }

        var large = Assert.Single(kept, message => message.BodyBytes == tooLarge.Length);
        var refused = await Stand.Client.ReplayMessagesAsync(new ReplayMessagesRequest { FailedMessageIds = { large.FailedMessageId } }, cancellationToken: Cancellation);
        Assert.Contains("too large to keep", Assert.Single(refused.Refused).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_refuse_with_a_sentence_and_leave_it_waiting_when_its_queue_is_not_there()
    {
        var id = await FailAsync(MessageQueues.BatchReady, "lost");

        var answer = await Stand.Client.ReplayMessagesAsync(new ReplayMessagesRequest { Queue = MessageQueues.BatchReady.Name }, cancellationToken: Cancellation);

        Assert.Equal((0u, 1u, 1u), (answer.Replayed, answer.RefusedCount, answer.Left));
        Assert.Contains("start its service", Assert.Single(answer.Refused).Reason, StringComparison.Ordinal);
        Assert.Equal(FailedMessageState.Waiting, (await Stand.Client.GetFailedMessageAsync(new GetFailedMessageRequest { FailedMessageId = id }, cancellationToken: Cancellation)).State);
    }

    [Fact]
    public async Task Should_keep_who_discarded_it_and_why_when_a_message_is_discarded_over_JSON()
    {
        var id = await FailAsync(MessageQueues.RunRequested, "unwanted");
        using var http = Stand.Browse();

        using var discarded = await http.PostAsJsonAsync(
            new Uri("/v1/operations/failed-messages:discard", UriKind.Relative), new { failedMessageIds = new[] { id }, reason = " a test " }, Cancellation);
        var shown = await http.GetFromJsonAsync<JsonElement>(new Uri($"/v1/operations/failed-messages/{id}", UriKind.Relative), Cancellation);
        var list = await http.GetFromJsonAsync<JsonElement>(
            new Uri($"/v1/operations/failed-messages?queue={MessageQueues.RunRequested.Name}&state=FAILED_MESSAGE_STATE_DISCARDED", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.OK, discarded.StatusCode);
        Assert.Equal(("FAILED_MESSAGE_STATE_DISCARDED", "a test", OperationsStand.KeyName), (Text("state"), Text("decisionReason"), Text("decidedBy")));
        Assert.Equal(id, Assert.Single(list.GetProperty("messages").EnumerateArray()).GetProperty("failedMessageId").GetString());

        string? Text(string name) => shown.GetProperty(name).GetString();
    }

    [Fact]
    public async Task Should_list_each_message_once_in_pages_when_there_are_many()
    {
        const int Count = 5;
        for (var number = 0; number < Count; number++)
            await FailAsync(MessageQueues.ImagesForgotten, $"page {number}");

        var (seen, token) = (new List<string>(), "");
        do
        {
            var page = await Stand.Client.ListFailedMessagesAsync(
                new ListFailedMessagesRequest { Queue = MessageQueues.ImagesForgotten.Name, PageSize = 2, PageToken = token }, cancellationToken: Cancellation);
            Assert.Equal((uint)Count, page.Total);
            seen.AddRange(page.Messages.Select(message => message.FailedMessageId));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(Count, seen.Distinct().Count());
        Assert.Equal(seen.OrderByDescending(id => long.Parse(id, CultureInfo.InvariantCulture)), seen);
    }

    [Fact]
    public async Task Should_name_the_replica_that_is_gone_and_what_another_lacks_when_status_is_asked()
    {
        await Stand.ExecuteAsync(
            "INSERT INTO outbox (service, message_name, body, created_at) VALUES ('training', 'test', '{}', now() - interval '1 hour')", Cancellation);

        var status = await Stand.Client.GetStatusAsync(new GetStatusRequest(), cancellationToken: Cancellation);

        var replicas = status.Replicas.ToDictionary(replica => replica.Service);
        Assert.Equal(ReplicaState.Ready, replicas["ingestion"].State);
        Assert.Equal(ReplicaState.NotReady, replicas["inference"].State);
        Assert.Equal(["model: no version is in production", "bus: Not ready"], replicas["inference"].Reasons);
        Assert.Equal("9.8.7+abc", replicas["inference"].Version);
        Assert.Equal(ReplicaState.Silent, replicas["training"].State);
        Assert.Contains("nobody listens", Assert.Single(replicas["training"].Reasons), StringComparison.Ordinal);
        Assert.Equal(["augmentation", "portal"], status.UnlistedServices);
        Assert.NotEmpty(status.Version);

        Assert.Equal(MessageQueues.All.Select(queue => queue.Name), status.Queues.Select(queue => queue.Name));
        Assert.Equal("", status.BrokerTrouble);
        var queue = status.Queues.Single(queue => queue.Name == MessageQueues.ModelTrained.Name);
        Assert.Equal((true, 1u), (queue.HasDepth, queue.Consumers));
        Assert.False(status.Queues.Single(queue => queue.Name == MessageQueues.LabelErrorsFound.Name).HasDepth);

        var outbox = status.Waiting.Single(work => work.Kind == "outbox" && work.Service == "training");
        Assert.Equal(1u, outbox.Count);
        Assert.InRange(status.At.ToDateTime() - outbox.OldestSince.ToDateTime(), TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
        Assert.Equal(
            ["augmentation-batch", "delivery", "model-decision", "outbox", "run"], status.Waiting.Select(work => work.Kind).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Should_say_in_the_terminal_what_the_answers_say_when_the_command_line_asks()
    {
        var id = await FailAsync(MessageQueues.LabelErrorsFound, "from the terminal");

        var status = await MelanomaAsync("ops", "status");
        var json = JsonDocument.Parse(await MelanomaAsync("ops", "status", "--json")).RootElement;
        var list = await MelanomaAsync("ops", "errors", "list", "--queue", MessageQueues.LabelErrorsFound.Name);
        var shown = await MelanomaAsync("ops", "errors", "show", id);
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => MelanomaAsync("ops", "errors", "replay", id));
        var discarded = await MelanomaAsync("ops", "errors", "discard", id, "--reason", "tried");

        Assert.Contains("nobody listens", status, StringComparison.Ordinal);
        Assert.Contains(MessageQueues.LabelErrorsFound.Name, status, StringComparison.Ordinal);
        Assert.Equal("silent", json.GetProperty("replicas").EnumerateArray().Single(replica => replica.GetProperty("service").GetString() == "training").GetProperty("state").GetString());
        Assert.Contains("from the terminal", list, StringComparison.Ordinal);
        Assert.Contains("""{"its":"body"}""", shown, StringComparison.Ordinal);
        Assert.Contains("start its service", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("1 discarded", discarded, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("99999999999999999999")]
    public async Task Should_refuse_an_id_that_is_none_when_it_is_asked_for(string id)
    {
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => Stand.Client.GetFailedMessageAsync(new GetFailedMessageRequest { FailedMessageId = id }, cancellationToken: Cancellation)));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => Stand.Client.ReplayMessagesAsync(new ReplayMessagesRequest { FailedMessageIds = { id } }, cancellationToken: Cancellation)));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => Stand.Client.ListFailedMessagesAsync(new ListFailedMessagesRequest { PageToken = id }, cancellationToken: Cancellation)));
    }

    [Fact]
    public async Task Should_refuse_with_the_right_status_when_a_request_makes_no_sense()
    {
        var client = Stand.Client;
        var many = new DiscardMessagesRequest { Reason = "r" };
        many.FailedMessageIds.AddRange(Enumerable.Range(1, 1001).Select(id => id.ToString(CultureInfo.InvariantCulture)));

        Assert.Equal(StatusCode.NotFound, await RefusalAsync(() => client.GetFailedMessageAsync(new GetFailedMessageRequest { FailedMessageId = "999999" })));
        Assert.Equal(StatusCode.NotFound, await RefusalAsync(() => client.ReplayMessagesAsync(new ReplayMessagesRequest { FailedMessageIds = { "999999" } })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.ReplayMessagesAsync(new ReplayMessagesRequest())));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.ReplayMessagesAsync(new ReplayMessagesRequest { FailedMessageIds = { "1" }, Queue = "training" })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.ReplayMessagesAsync(new ReplayMessagesRequest { Queue = "'; DROP TABLE" })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.ListFailedMessagesAsync(new ListFailedMessagesRequest { PageSize = 1001 })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.ListFailedMessagesAsync(new ListFailedMessagesRequest { State = (FailedMessageState)77 })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.DiscardMessagesAsync(new DiscardMessagesRequest { FailedMessageIds = { "1" }, Reason = " " })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.DiscardMessagesAsync(new DiscardMessagesRequest { Reason = "r" })));
        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(() => client.DiscardMessagesAsync(many)));
    }

    /// <summary>Puts a message among the failed ones of a queue, and returns its number in the list.</summary>
    private async Task<string> FailAsync(QueueContract queue, string reason)
    {
        var channel = await Stand.OpenChannelAsync(Cancellation);
        var properties = new BasicProperties
        {
            ContentType = "application/json",
            MessageId = Guid.NewGuid().ToString(),
            Headers = new Dictionary<string, object?> { [MessageHeaders.FaultMessage] = reason },
        };
        await channel.BasicPublishAsync("", queue.FaultQueue, mandatory: true, properties, """{"its":"body"}"""u8.ToArray(), Cancellation);
        return (await FailedAsync(message => message.MessageId == properties.MessageId))!.FailedMessageId;
    }

    private async Task<FailedMessage?> FailedAsync(Func<FailedMessage, bool> wanted)
    {
        FailedMessage? found = null;
        await OperationsStand.WaitAsync(
            async () => (found = (await ListAsync()).FirstOrDefault(wanted)) is not null, () => $"the message is not listed; the Gateway says: {Stand.Gateway.Log}", Cancellation);
        return found;
    }

    private async Task<IReadOnlyList<FailedMessage>> ListAsync() =>
        (await Stand.Client.ListFailedMessagesAsync(new ListFailedMessagesRequest { PageSize = 1000 }, cancellationToken: Cancellation)).Messages;

    private async Task<QueueStatus> QueueAsync(QueueContract queue) =>
        (await Stand.Client.GetStatusAsync(new GetStatusRequest(), cancellationToken: Cancellation)).Queues.Single(status => status.Name == queue.Name);

    private async Task ConsumedAsync(int version)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (await fixture.Consumer.Consumed.ReadAsync(deadline.Token) != version)
        {
        }
    }

    private Task<string> MelanomaAsync(params string[] arguments) => ServiceProcess.RunAsync(
        "Melanoma.Cli",
        new Dictionary<string, string?> { ["MELANOMA_ADDRESS"] = Stand.Gateway.Grpc.OriginalString, ["MELANOMA_API_KEY"] = Stand.Key }, arguments, Cancellation);

    private static async Task<StatusCode> RefusalAsync<T>(Func<AsyncUnaryCall<T>> call) =>
        (await Assert.ThrowsAsync<RpcException>(async () => await call())).StatusCode;
}
