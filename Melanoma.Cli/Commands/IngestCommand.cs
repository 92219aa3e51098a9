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
        var delivery = await DeliverAsync(context.Terminal, gateway, source, cancellationToken);
        context.Terminal.Write(DeliveryDocument.From(delivery), console => DeliveryScreen.Write(console, delivery));
        return delivery.Refused > 0 && delivery.Refused >= delivery.Files ? ExitCodes.SomeRefused : ExitCodes.Success;
    }

    /// <summary>Sends a delivery behind progress bars: bytes that left, and files that were taken in.</summary>
    public static Task<Delivery> DeliverAsync(Terminal terminal, GatewayConnection gateway, DeliverySource source, CancellationToken cancellationToken) =>
        terminal.ProgressAsync(ProgressColumns.ForBytesAndItems("files"), async progress =>
        {
            var sending = progress.AddTask($"Sending {Markup.Escape(source.Name)}", maxValue: Math.Max(1, source.Bytes));
            var entries = source.CountEntries();
            var taking = progress.AddTask("Taking in", autoStart: false, maxValue: Math.Max(1, entries ?? int.MaxValue));
            ProgressColumns.CountItems(taking);
            taking.IsIndeterminate = entries is null;
            var delivery = await DeliverySender.SendAsync(
                gateway, source, bytes => sending.Increment(bytes), allSent: () => sending.Value = sending.MaxValue, taken: files => Show(taking, files),
                cancellationToken);
            Show(taking, delivery.Files);
            taking.IsIndeterminate = false;
            taking.Value = taking.MaxValue = Math.Max(1, delivery.Files);
            return delivery;
        });

    private static void Show(ProgressTask taking, int files)
    {
        if (!taking.IsStarted)
            taking.StartTask();

        // An estimate that was too low is no end.
        if (files >= taking.MaxValue)
            taking.MaxValue = files + 1;
        taking.Value = files;
    }
}
