using System.CommandLine;
using System.Globalization;
using Google.Protobuf.Collections;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma runs</c>: training runs, past and present.</summary>
internal static class RunCommands
{
    private static readonly Argument<string> Id = new("ID") { Description = "The run." };

    public static Command Create() =>
        new Command("runs", "List, show, watch, pause, resume and cancel training runs.")
        {
            new Command("list", "The latest runs, newest first.").Runs(ListAsync),
            new Command("show", "One run with its epochs.") { Id }.Runs(ShowAsync),
            new Command("watch", "Show a run until it has ended.") { Id }.Runs(WatchAsync),
            new Command("pause", "Let a run rest until it is resumed; its worker is free for other runs.") { Id }.Runs(PauseAsync),
            new Command("resume", "Let a paused run go on from where it was.") { Id }.Runs(ResumeAsync),
            new Command("cancel", "Stop a run.") { Id }.Runs(CancelAsync),
        }.Runs(ListAsync);

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Runs.ListRunsAsync(new ListRunsRequest(), options), cancellationToken);
        context.Terminal.Write(new RunListDocument([.. answer.Runs.Select(RunDocument.From)]), console => WriteList(console, answer.Runs));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetRunRequest { RunId = context.Arguments.GetRequiredValue(Id) };
        var run = await gateway.ReadAsync(options => gateway.Runs.GetRunAsync(request, options), cancellationToken);
        context.Terminal.Write(RunDocument.From(run), console => RunTable.Write(console, run));
        return ExitCodes.Success;
    }

    private static async Task<int> WatchAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        return await RunWatch.ShowAsync(context.Terminal, gateway, context.Arguments.GetRequiredValue(Id), cancellationToken);
    }

    private static async Task<int> PauseAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new PauseRunRequest { RunId = context.Arguments.GetRequiredValue(Id) };
        var run = await gateway.ChangeAsync(options => gateway.Runs.PauseRunAsync(request, options), cancellationToken);
        context.Terminal.Write(RunDocument.From(run), console => console.WriteLine(
            run.State == RunState.Paused ? "The run is paused." : "The run will pause after the step it is in, and keep what it has learned."));
        return ExitCodes.Success;
    }

    private static async Task<int> ResumeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new ResumeRunRequest { RunId = context.Arguments.GetRequiredValue(Id) };
        var run = await gateway.ChangeAsync(options => gateway.Runs.ResumeRunAsync(request, options), cancellationToken);
        context.Terminal.Write(RunDocument.From(run), console => console.WriteLine("The run goes on as soon as a worker is free."));
        return ExitCodes.Success;
    }

    private static async Task<int> CancelAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new CancelRunRequest { RunId = context.Arguments.GetRequiredValue(Id) };
        var run = await gateway.ChangeAsync(options => gateway.Runs.CancelRunAsync(request, options), cancellationToken);
        context.Terminal.Write(RunDocument.From(run), console => console.WriteLine("The run will stop after the step it is in."));
        return ExitCodes.Success;
    }

    private static void WriteList(IAnsiConsole console, RepeatedField<Run> runs)
    {
        if (runs.Count == 0)
        {
            console.WriteLine("There are no runs yet: `./melanoma train --recipe quick --watch` starts one.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        foreach (var header in (ReadOnlySpan<string>)["run", "recipe", "protocol", "dataset", "epochs", "state", "model", "requested", "by"])
            table.AddColumn(header);
        foreach (var run in runs)
        {
            table.AddRow(
                run.RunId, Markup.Escape(run.Recipe), RunDocument.NameOf(run.Protocol), run.DatasetId.ToString(CultureInfo.InvariantCulture),
                run.Epochs.ToString(CultureInfo.InvariantCulture), RunDocument.NameOf(run.State), run.HasModelVersion ? run.ModelVersion : "",
                run.RequestedAt.ToDateTime().ToString("u", CultureInfo.InvariantCulture), Markup.Escape(run.RequestedBy));
        }

        console.Write(table);
    }
}
