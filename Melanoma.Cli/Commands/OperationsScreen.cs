using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>Operations for people.</summary>
internal static class OperationsScreen
{
    private const double BytesPerGib = 1L << 30;
    private const int LongestReason = 90;

    public static void WriteStatus(IAnsiConsole console, OperationsStatus status)
    {
        WriteReplicas(console, status);
        WriteQueues(console, status);
        WriteWaiting(console, status);
        WriteDisks(console, status);
    }

    public static void WriteList(IAnsiConsole console, ListFailedMessagesResponse answer)
    {
        if (answer.Messages.Count == 0)
        {
            console.WriteLine("No failed messages.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn("id").RightAligned()).AddColumn("failed").AddColumn("queue").AddColumn("state").AddColumn("reason");
        foreach (var message in answer.Messages)
        {
            var reason = message.Reason.ReplaceLineEndings(" ");
            table.AddRow(
                message.FailedMessageId, TimeOf(message.FailedAt), Markup.Escape(message.Queue), message.State.ToString().ToLowerInvariant(),
                Markup.Escape(reason.Length > LongestReason ? reason[..LongestReason] + "..." : reason));
        }

        console.Write(table);
        console.MarkupLineInterpolated($"{answer.Messages.Count} of {answer.Total}. [grey]./melanoma ops errors show ID[/] tells more.");
    }

    public static void WriteMessage(IAnsiConsole console, FailedMessage message)
    {
        var grid = new Grid().AddColumn().AddColumn();
        Row("failed", TimeOf(message.FailedAt));
        Row("queue", message.Queue);
        Row("kind", message.Kind.ToString().ToLowerInvariant());
        Row("message", message.MessageType);
        Row("exception", message.ExceptionType);
        Row("reason", message.Reason);
        Row("state", message.State.ToString().ToLowerInvariant());
        Row("decided", message.DecidedBy.Length > 0 ? $"{TimeOf(message.DecidedAt)} by {message.DecidedBy}" : "");
        Row("because", message.DecisionReason);
        Row("body", message.BodyJson.Length > 0 ? message.BodyJson
            : message.BodyBase64.Length > 0 ? $"{message.BodyBytes} bytes that are no JSON"
            : $"{message.BodyBytes} bytes, too many to keep");
        console.Write(grid);
        if (message.StackTrace.Length > 0)
            console.WriteLine(message.StackTrace);
        foreach (var (name, value) in message.Headers.OrderBy(header => header.Key, StringComparer.Ordinal))
            console.MarkupLineInterpolated($"[grey]{name}: {value}[/]");

        void Row(string name, string value)
        {
            if (value.Length > 0)
                grid.AddRow(new Text(name), new Text(value));
        }
    }

    public static void WriteReplay(IAnsiConsole console, ReplayMessagesResponse answer)
    {
        console.MarkupLineInterpolated($"{answer.Replayed} put back{AlreadyDecided(answer.AlreadyDecided)}.");
        foreach (var refusal in answer.Refused)
            console.MarkupLineInterpolated($"[red]x[/] {refusal.FailedMessageId}: {refusal.Reason}");
        if (answer.RefusedCount > answer.Refused.Count)
            console.MarkupLineInterpolated($"{answer.RefusedCount - answer.Refused.Count} more could not be put back.");
        if (answer.Left > 0)
            console.MarkupLineInterpolated($"{answer.Left} of the queue wait still.");
    }

    public static string AlreadyDecided(uint count) => count > 0 ? FormattableString.Invariant($", {count} were decided on already") : "";

    private static void WriteReplicas(IAnsiConsole console, OperationsStatus status)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Replicas").AddColumn("service").AddColumn("").AddColumn("state").AddColumn("version").AddColumn("why");
        foreach (var replica in status.Replicas)
        {
            var (color, word) = (replica.State == ReplicaState.Ready ? "green" : "red", OperationsStatusDocument.WordOf(replica.State));
            table.AddRow(
                Markup.Escape(replica.Service), Markup.Escape(replica.Number), $"[{color}]{word}[/]", Markup.Escape(replica.Version),
                Markup.Escape(string.Join("; ", replica.Reasons)));
        }

        console.Write(table);
        if (status.UnlistedServices.Count > 0)
            console.MarkupLineInterpolated($"[grey]The Gateway is told no address of: {string.Join(", ", status.UnlistedServices)}.[/]");
    }

    private static void WriteQueues(IAnsiConsole console, OperationsStatus status)
    {
        if (status.BrokerTrouble.Length > 0)
            console.MarkupLineInterpolated($"[red]![/] {status.BrokerTrouble}");
        var table = new Table().Border(TableBorder.Rounded).Title("Queues").AddColumn("queue");
        foreach (var header in (ReadOnlySpan<string>)["waiting", "consumers", "failed"])
            table.AddColumn(new TableColumn(header).RightAligned());
        table.AddColumn("oldest failure");
        foreach (var queue in status.Queues)
        {
            var unknown = queue.PerReplica ? "one a replica" : "?";
            var failed = queue.FailedWaiting + queue.FailedOnTheWay;
            table.AddRow(
                Markup.Escape(queue.Name), queue.HasDepth ? Number(queue.Depth) : unknown, queue.HasConsumers ? Number(queue.Consumers) : "",
                failed > 0 ? $"[red]{Number(failed)}[/]" : "0", queue.OldestFailureAt is null ? "" : Age(status.At, queue.OldestFailureAt));
        }

        console.Write(table);
        if (status.Queues.Any(queue => queue.FailedWaiting > 0))
            console.MarkupLine("[grey]./melanoma ops errors list[/] says what failed and why.");
    }

    private static void WriteWaiting(IAnsiConsole console, OperationsStatus status)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Waiting work").AddColumn("what").AddColumn("of")
            .AddColumn(new TableColumn("count").RightAligned()).AddColumn("oldest for");
        foreach (var work in status.Waiting)
            table.AddRow(Markup.Escape(work.Meaning), Markup.Escape(work.Service), Number(work.Count), work.OldestSince is null ? "" : Age(status.At, work.OldestSince));
        console.Write(table);
    }

    private static void WriteDisks(IAnsiConsole console, OperationsStatus status)
    {
        if (status.Disks.Count == 0)
            return;
        var table = new Table().Border(TableBorder.Rounded).Title("Disks of ingestion").AddColumn("holds").AddColumn("folder");
        foreach (var header in (ReadOnlySpan<string>)["free", "of", "limit"])
            table.AddColumn(new TableColumn(header).RightAligned());
        table.AddColumn("").AddColumn("measured");
        foreach (var disk in status.Disks)
        {
            table.AddRow(
                Markup.Escape(disk.Holds), Markup.Escape(disk.Folder), Gib(disk.FreeBytes), Gib(disk.TotalBytes), Gib(disk.LimitBytes),
                disk.Refuses ? "[red]refuses[/]" : "", $"{Age(status.At, disk.MeasuredAt)} ago");
        }

        console.Write(table);
    }

    private static string Age(Timestamp now, Timestamp since)
    {
        var age = now.ToDateTime() - since.ToDateTime();
        return age switch
        {
            { TotalDays: >= 2 } => FormattableString.Invariant($"{age.TotalDays:0} days"),
            { TotalHours: >= 2 } => FormattableString.Invariant($"{age.TotalHours:0} hours"),
            { TotalMinutes: >= 2 } => FormattableString.Invariant($"{age.TotalMinutes:0} minutes"),
            _ => FormattableString.Invariant($"{Math.Max(0, age.TotalSeconds):0} s"),
        };
    }

    private static string Gib(ulong bytes) => FormattableString.Invariant($"{bytes / BytesPerGib:N1} GiB");

    private static string Number(uint value) => FormattableString.Invariant($"{value:N0}");

    private static string TimeOf(Timestamp time) => time.ToDateTime().ToString("u", CultureInfo.InvariantCulture);
}
