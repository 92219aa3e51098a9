using System.CommandLine;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma ops</c>: what the installation is doing, and what is to be done about messages that failed.</summary>
internal static class OperationsCommands
{
    private const int LargestPage = 1000;

    private static readonly Argument<string> Id = new("ID") { Description = "The failed message's number." };

    private static readonly Argument<string[]> Ids = new("ID") { Description = "The failed messages' numbers.", Arity = ArgumentArity.ZeroOrMore };

    private static readonly Argument<string[]> Discarded = new("ID") { Description = "The failed messages' numbers.", Arity = ArgumentArity.OneOrMore };

    private static readonly Option<string?> Queue = new("--queue") { Description = "Only of this queue.", HelpName = "NAME" };

    private static readonly Option<string?> AllOfQueue = new("--queue") { Description = "All that wait of this queue, instead of numbers.", HelpName = "NAME" };

    private static readonly Option<string?> State = new Option<string?>("--state") { Description = "Only those in this state; those that wait when not given." }
        .AcceptOnlyFromAmong("waiting", "replayed", "discarded", "all");

    private static readonly Option<string> Reason = new("--reason") { Description = "Why they need not be dealt with; kept.", HelpName = "TEXT", Required = true };

    private static readonly Option<int> Limit =
        new("--limit") { Description = "At most this many, 1 to 1000.", DefaultValueFactory = _ => 100, HelpName = "N" };

    public static Command Create() => new("ops", "See what runs, what waits, what went wrong and how much room is left.")
    {
        new Command("status", "Replicas, queues, waiting work and disks at this moment.").Runs(ShowStatusAsync),
        new Command("errors", "Messages that no consumer could deal with.")
        {
            new Command("list", "Those that wait for a decision, the newest first.") { Queue, State, Limit }.Runs(ListAsync),
            new Command("show", "A failed message with its reason and its body.") { Id }.Runs(ShowAsync),
            new Command("replay", "Put messages back where they failed.") { Ids, AllOfQueue }.Runs(ReplayAsync),
            new Command("discard", "Say that messages need not be dealt with.") { Discarded, Reason }.Runs(DiscardAsync),
        },
    };

    private static async Task<int> ShowStatusAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var status = await gateway.ReadAsync(options => gateway.Operations.GetStatusAsync(new GetStatusRequest(), options), cancellationToken);
        context.Terminal.Write(OperationsStatusDocument.From(status), console => OperationsScreen.WriteStatus(console, status));
        return ExitCodes.Success;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var limit = context.Arguments.GetValue(Limit);
        if (limit is < 1 or > LargestPage)
            throw new CommandFailure($"--limit is {limit}; it must be 1 to {LargestPage}.", ExitCodes.Usage);
        var request = new ListFailedMessagesRequest
        {
            Queue = context.Arguments.GetValue(Queue) ?? "",
            State = FailedMessageDocument.StateOf(context.Arguments.GetValue(State)),
            PageSize = limit,
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Operations.ListFailedMessagesAsync(request, options), cancellationToken);
        context.Terminal.Write(
            new FailedMessageListDocument([.. answer.Messages.Select(FailedMessageDocument.From)], answer.Total), console => OperationsScreen.WriteList(console, answer));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetFailedMessageRequest { FailedMessageId = context.Arguments.GetRequiredValue(Id) };
        var message = await gateway.ReadAsync(options => gateway.Operations.GetFailedMessageAsync(request, options), cancellationToken);
        context.Terminal.Write(FailedMessageDetailsDocument.From(message), console => OperationsScreen.WriteMessage(console, message));
        return ExitCodes.Success;
    }

    private static async Task<int> ReplayAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new ReplayMessagesRequest { Queue = context.Arguments.GetValue(AllOfQueue) ?? "" };
        request.FailedMessageIds.AddRange(context.Arguments.GetValue(Ids) ?? []);
        if (request.FailedMessageIds.Count > 0 == request.Queue.Length > 0)
            throw new CommandFailure("Say which: the numbers of messages, or --queue NAME for all that wait of a queue.", ExitCodes.Usage);
        var gateway = await context.ConnectAsync(cancellationToken);
        // Consumers bear a message that comes twice.
        var answer = await gateway.ReadAsync(options => gateway.Operations.ReplayMessagesAsync(request, options), cancellationToken);
        context.Terminal.Write(ReplayDocument.From(answer), console => OperationsScreen.WriteReplay(console, answer));
        return answer.RefusedCount == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static async Task<int> DiscardAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new DiscardMessagesRequest { Reason = context.Arguments.GetRequiredValue(Reason) };
        request.FailedMessageIds.AddRange(context.Arguments.GetRequiredValue(Discarded));
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ChangeAsync(options => gateway.Operations.DiscardMessagesAsync(request, options), cancellationToken);
        context.Terminal.Write(
            new DiscardDocument(answer.Discarded, answer.AlreadyDecided),
            console => console.MarkupLineInterpolated($"{answer.Discarded} discarded{OperationsScreen.AlreadyDecided(answer.AlreadyDecided)}."));
        return ExitCodes.Success;
    }
}
