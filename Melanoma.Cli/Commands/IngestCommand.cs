using System.CommandLine;
using Melanoma.Cli.Connection;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma ingest PATH</c>: delivers a folder, an archive, a table or a picture.</summary>
internal static class IngestCommand
{
    private static readonly Argument<string> PathArgument = new("PATH")
    {
        Description = "A folder tree, ZIP or tar archive in the layout Train|Test/CLASS/NAME.jpg with tables (CSV) beside it, or one file.",
    };

    private static readonly Option<string?> Name = new("--name") { Description = "What to call the delivery; the name of the folder or file when not given.", HelpName = "TEXT" };

    public static Command Create() =>
        new Command("ingest", "Deliver pictures with their labels, and tables of labels and metadata, to the catalogue.") { PathArgument, Name }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var source = DeliverySource.Find(context.Arguments.GetRequiredValue(PathArgument), context.Arguments.GetValue(Name));
        var gateway = await context.ConnectAsync(cancellationToken);
        var (delivery, unreadable) = await DeliverAsync(context.Terminal, gateway, source, cancellationToken);
        context.Terminal.Write(DeliveryDocument.From(delivery, unreadable.Count), console => DeliveryScreen.Write(console, delivery, unreadable));
        foreach (var line in context.Terminal.IsJson ? unreadable : [])
            await Console.Error.WriteLineAsync(line);
        var refused = delivery.Refused + unreadable.Count;
        return refused > 0 && refused >= delivery.Files + unreadable.Count ? ExitCodes.SomeRefused : ExitCodes.Success;
    }

    /// <summary>Sends a delivery behind a progress bar.</summary>
    public static Task<(Delivery Delivery, IReadOnlyList<string> Unreadable)> DeliverAsync(
        Terminal terminal, GatewayConnection gateway, DeliverySource source, CancellationToken cancellationToken) =>
        terminal.ProgressAsync(ProgressColumns.ForBytes, async progress =>
        {
            var sending = progress.AddTask($"Sending {Markup.Escape(source.Name)}", maxValue: Math.Max(1, source.Bytes));
            var finishing = progress.AddTask("Taking in", autoStart: false);
            finishing.IsIndeterminate = true;
            var answer = await DeliverySender.SendAsync(gateway, source, bytes => sending.Increment(bytes), allSent: () =>
            {
                sending.Value = sending.MaxValue;
                finishing.StartTask();
            }, cancellationToken);
            finishing.IsIndeterminate = false;
            finishing.Value = finishing.MaxValue;
            return answer;
        });
}
