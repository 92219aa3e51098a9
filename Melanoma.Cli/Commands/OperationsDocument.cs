using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>What the installation is doing; times are UTC.</summary>
internal sealed record OperationsStatusDocument(
    DateTime At,
    string Version,
    IReadOnlyList<ReplicaDocument> Replicas,
    IReadOnlyList<string> UnlistedServices,
    IReadOnlyList<QueueDocument> Queues,
    string? BrokerTrouble,
    IReadOnlyList<WaitingDocument> Waiting,
    IReadOnlyList<DiskDocument> Disks)
{
    public static OperationsStatusDocument From(OperationsStatus status) => new(
        status.At.ToDateTime(),
        status.Version,
        [.. status.Replicas.Select(replica => new ReplicaDocument(
            replica.Service, replica.Number, replica.Address, WordOf(replica.State), [.. replica.Reasons], replica.Version.Length > 0 ? replica.Version : null))],
        [.. status.UnlistedServices],
        [.. status.Queues.Select(queue => new QueueDocument(
            queue.Name, queue.Message, queue.PerReplica, queue.HasDepth ? queue.Depth : null, queue.HasConsumers ? queue.Consumers : null,
            queue.HasFailedOnTheWay ? queue.FailedOnTheWay : null, queue.FailedWaiting, TimeOf(queue.OldestFailureAt)))],
        status.BrokerTrouble.Length > 0 ? status.BrokerTrouble : null,
        [.. status.Waiting.Select(work => new WaitingDocument(work.Kind, work.Service, work.Count, TimeOf(work.OldestSince)))],
        [.. status.Disks.Select(disk => new DiskDocument(
            disk.Replica, disk.Holds, disk.Folder, disk.FreeBytes, disk.TotalBytes, disk.LimitBytes, disk.Refuses, disk.MeasuredAt.ToDateTime()))]);

    /// <summary>"ready", "not-ready" or "silent".</summary>
    public static string WordOf(ReplicaState state) => state switch
    {
        ReplicaState.Ready => "ready",
        ReplicaState.NotReady => "not-ready",
        _ => "silent",
    };

    private static DateTime? TimeOf(Timestamp? time) => time?.ToDateTime();
}

internal sealed record ReplicaDocument(string Service, string Number, string Address, string State, IReadOnlyList<string> Reasons, string? Version);

internal sealed record QueueDocument(
    string Name, string Message, bool PerReplica, uint? Depth, uint? Consumers, uint? FailedOnTheWay, uint FailedWaiting, DateTime? OldestFailureAt);

internal sealed record WaitingDocument(string Kind, string Service, uint Count, DateTime? OldestSince);

internal sealed record DiskDocument(
    string Replica, string Holds, string Folder, ulong FreeBytes, ulong TotalBytes, ulong LimitBytes, bool Refuses, DateTime MeasuredAt);

internal sealed record FailedMessageListDocument(IReadOnlyList<FailedMessageDocument> Messages, uint Total);

/// <summary>A failed message; <c>kind</c> is fault, dead or skipped, <c>state</c> waiting, replayed or discarded.</summary>
internal sealed record FailedMessageDocument(
    string Id, string Queue, string Kind, string State, string? MessageType, string? ExceptionType, string Reason, DateTime FailedAt, string? DecidedBy, string? DecisionReason)
{
    public static FailedMessageDocument From(FailedMessage message) => new(
        message.FailedMessageId, message.Queue, message.Kind.ToString().ToLowerInvariant(), message.State.ToString().ToLowerInvariant(), OrNull(message.MessageType),
        OrNull(message.ExceptionType), message.Reason, message.FailedAt.ToDateTime(), OrNull(message.DecidedBy), OrNull(message.DecisionReason));

    /// <summary>The state that the option's word names; waiting when there is none.</summary>
    public static FailedMessageState StateOf(string? word) => word switch
    {
        "all" => FailedMessageState.Unspecified,
        "replayed" => FailedMessageState.Replayed,
        "discarded" => FailedMessageState.Discarded,
        _ => FailedMessageState.Waiting,
    };

    public static string? OrNull(string text) => text.Length > 0 ? text : null;
}

/// <summary>A failed message with everything; the body is JSON as text, or else base64.</summary>
internal sealed record FailedMessageDetailsDocument(
    FailedMessageDocument Message, uint BodyBytes, string? BodyJson, string? BodyBase64, string? StackTrace, IReadOnlyDictionary<string, string> Headers)
{
    public static FailedMessageDetailsDocument From(FailedMessage message) => new(
        FailedMessageDocument.From(message), message.BodyBytes, FailedMessageDocument.OrNull(message.BodyJson), FailedMessageDocument.OrNull(message.BodyBase64),
        FailedMessageDocument.OrNull(message.StackTrace), message.Headers.ToDictionary());
}

internal sealed record ReplayDocument(uint Replayed, uint AlreadyDecided, uint RefusedCount, IReadOnlyList<ReplayRefusalDocument> Refused, uint Left)
{
    public static ReplayDocument From(ReplayMessagesResponse answer) => new(
        answer.Replayed, answer.AlreadyDecided, answer.RefusedCount,
        [.. answer.Refused.Select(refusal => new ReplayRefusalDocument(refusal.FailedMessageId, refusal.Reason))], answer.Left);
}

internal sealed record ReplayRefusalDocument(string Id, string Reason);

internal sealed record DiscardDocument(uint Discarded, uint AlreadyDecided);
