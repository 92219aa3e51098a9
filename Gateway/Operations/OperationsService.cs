using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
using Melanoma.Gateway.Operations.Failures;
using Melanoma.Gateway.Refusals;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Callers;

namespace Melanoma.Gateway.Operations;

/// <summary>gRPC <c>Operations</c>.</summary>
internal sealed class OperationsService(
    ReplicaProbe replicas, QueueDepths queues, WorkRows work, FailedMessageStore store, MessageReplay replay, Broker broker, TimeProvider time)
    : Contracts.V1.Operations.OperationsBase
{
    private const int DefaultPage = 100;
    private const int LargestPage = 1000;
    private const int MaxIds = 1000;
    private const int MaxReasonLength = 2000;
    private const int MaxReplayed = 10_000;

    public override async Task<OperationsStatus> GetStatus(GetStatusRequest request, ServerCallContext context)
    {
        var cancellation = context.CancellationToken;
        var (asked, depths, waiting, disks, failures) = (
            replicas.AskAsync(cancellation), queues.AskAsync(cancellation), work.WaitingAsync(cancellation), work.DisksAsync(cancellation), store.WaitingAsync(cancellation));
        await Task.WhenAll(asked, depths, waiting, disks, failures);
        var (byQueue, trouble) = await depths;
        var failed = await failures;
        return new OperationsStatus
        {
            At = Timestamp.FromDateTimeOffset(time.GetUtcNow()),
            Version = ProductVersion.Text,
            Replicas = { await asked },
            UnlistedServices = { replicas.Unlisted() },
            Queues = { MessageQueues.All.Select(queue => StatusOf(queue, byQueue.GetValueOrDefault(queue.Name), failed.GetValueOrDefault(queue.Name))) },
            BrokerTrouble = trouble,
            Waiting = { await waiting },
            Disks = { await disks },
        };
    }

    public override async Task<ListFailedMessagesResponse> ListFailedMessages(ListFailedMessagesRequest request, ServerCallContext context)
    {
        if (request.PageSize is < 0 or > LargestPage)
            Throw(StatusCode.InvalidArgument, $"page_size is {request.PageSize}; it must be 1 to {LargestPage}, or 0 for {DefaultPage}.");
        var size = request.PageSize == 0 ? DefaultPage : request.PageSize;
        var queue = request.Queue.Length == 0 ? null : QueueOf(request.Queue);
        var before = request.PageToken.Length == 0 ? long.MaxValue : IdOf(request.PageToken, "page_token");
        var (messages, total) = await store.ListAsync(queue, FailedMessages.StateOf(request.State), before, size + 1, context.CancellationToken);
        return new ListFailedMessagesResponse
        {
            Messages = { messages.Take(size).Select(FailedMessages.ToMessage) },
            NextPageToken = messages.Count > size ? Text(messages[size - 1].Id) : "",
            Total = (uint)total,
        };
    }

    public override async Task<FailedMessage> GetFailedMessage(GetFailedMessageRequest request, ServerCallContext context)
    {
        var row = await store.FindAsync(IdOf(request.FailedMessageId, "failed_message_id"), context.CancellationToken);
        if (row is null)
            ThrowNotFound(request.FailedMessageId);
        return FailedMessages.ToWholeMessage(row);
    }

    public override async Task<ReplayMessagesResponse> ReplayMessages(ReplayMessagesRequest request, ServerCallContext context)
    {
        if (request.FailedMessageIds.Count > 0 == request.Queue.Length > 0)
            Throw(StatusCode.InvalidArgument, "Give either failed_message_ids or queue.");
        if (!broker.IsConfigured)
            Throw(StatusCode.FailedPrecondition, Broker.NotConfigured);
        var queue = request.Queue.Length > 0 ? QueueOf(request.Queue) : null;
        var ids = queue is null
            ? await KnownIdsAsync(request.FailedMessageIds, context.CancellationToken)
            : await store.WaitingAsync(queue, MaxReplayed, context.CancellationToken);
        try
        {
            var outcome = await replay.ReplayAsync(ids, context.GetCaller().Name, context.CancellationToken);
            var left = queue is null ? 0 : (await store.WaitingAsync(context.CancellationToken)).GetValueOrDefault(queue)?.Count ?? 0;
            return new ReplayMessagesResponse
            {
                Replayed = (uint)outcome.Replayed,
                AlreadyDecided = (uint)(ids.Count - outcome.Replayed - outcome.RefusedCount),
                Refused = { outcome.Refused.Select(refusal => new ReplayRefusal { FailedMessageId = Text(refusal.Id), Reason = refusal.Reason }) },
                RefusedCount = (uint)outcome.RefusedCount,
                Left = (uint)left,
            };
        }
        catch (Exception failure) when (BrokerTrouble.Is(failure))
        {
            throw new RpcException(new Status(
                StatusCode.Unavailable, $"{BrokerTrouble.Explain(failure)} Messages that were put back before are marked so; ask for the others once more."));
        }
    }

    public override async Task<DiscardMessagesResponse> DiscardMessages(DiscardMessagesRequest request, ServerCallContext context)
    {
        var reason = request.Reason.Trim();
        if (reason.Length is 0 or > MaxReasonLength)
            Throw(StatusCode.InvalidArgument, $"reason has {reason.Length} characters; say in 1 to {MaxReasonLength} why the messages need not be dealt with.");
        if (request.FailedMessageIds.Count == 0)
            Throw(StatusCode.InvalidArgument, "Name at least one message in failed_message_ids.");
        var ids = await KnownIdsAsync(request.FailedMessageIds, context.CancellationToken);
        var discarded = await store.DiscardAsync(
            ids, context.GetCaller().Name, AmqpHeaders.Clean(reason), context.CancellationToken);
        return new DiscardMessagesResponse { Discarded = (uint)discarded, AlreadyDecided = (uint)(ids.Count - discarded) };
    }

    private async Task<IReadOnlyList<long>> KnownIdsAsync(RepeatedField<string> texts, CancellationToken cancellationToken)
    {
        if (texts.Count > MaxIds)
            Throw(StatusCode.InvalidArgument, $"{texts.Count} ids are too many: name at most {MaxIds} in one call.");
        long[] ids = [.. texts.Select(text => IdOf(text, "failed_message_ids")).Distinct()];
        if (await store.UnknownAsync(ids, cancellationToken) is [var unknown, ..])
            ThrowNotFound(Text(unknown));
        return ids;
    }

    private static QueueStatus StatusOf(QueueContract queue, QueueDepth? depth, WaitingFailures? failures)
    {
        var status = new QueueStatus
        {
            Name = queue.Name,
            Message = MessageCatalogue.NameOf(queue.Message),
            PerReplica = queue.PerReplica,
            FailedWaiting = (uint)(failures?.Count ?? 0),
            OldestFailureAt = failures is null ? null : Timestamp.FromDateTimeOffset(failures.Oldest),
        };
        if (depth?.Depth is { } waiting)
            status.Depth = waiting;
        if (depth?.Consumers is { } consumers)
            status.Consumers = consumers;
        if (depth is not null)
            status.FailedOnTheWay = depth.FailedOnTheWay;
        return status;
    }

    private static string QueueOf(string name)
    {
        if (MessageQueues.All.All(queue => queue.Name != name))
            Throw(StatusCode.InvalidArgument, $"There is no queue '{name.Shortened()}': GetStatus names them.");
        return name;
    }

    private static long IdOf(string text, string field)
    {
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id < 1)
            Throw(StatusCode.InvalidArgument, $"{field} is '{text.Shortened()}'; it must be a number as ListFailedMessages gives it.");
        return id;
    }

    private static string Text(long id) => id.ToString(CultureInfo.InvariantCulture);

    [DoesNotReturn]
    private static void ThrowNotFound(string id) => Throw(StatusCode.NotFound, $"There is no failed message {id}.");

    [DoesNotReturn]
    private static void Throw(StatusCode status, string sentence) => throw new RpcException(new Status(status, sentence));
}
