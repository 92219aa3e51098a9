using System.CommandLine;
using System.Globalization;
using Google.Protobuf.Collections;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma models</c>: the registry of versions.</summary>
internal static class ModelCommands
{
    private static readonly Argument<string> Version = new("VERSION") { Description = "The version's number." };

    private static readonly Option<string> Reason =
        new("--reason") { Description = "Why; kept in the history.", DefaultValueFactory = _ => "By hand, from the command line.", HelpName = "TEXT" };

    public static Command Create() =>
        new Command("models", "List, show, report, compare, promote and roll back model versions.")
        {
            new Command("list", "All versions, newest first.").Runs(ListAsync),
            new Command("show", "One version with its report.") { Version }.Runs(ShowAsync),
            ModelReportCommand.Create(),
            ModelCompareCommand.Create(),
            new Command("promote", "Put a version into production.") { Version, Reason }.Runs(PromoteAsync),
            new Command("rollback", "Put the version that was in production before back.") { Reason }.Runs(RollBackAsync),
            new Command("history", "Who put what into production, when and why.").Runs(HistoryAsync),
        }.Runs(ListAsync);

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Models.ListModelsAsync(new ListModelsRequest(), options), cancellationToken);
        context.Terminal.Write(new ModelListDocument([.. answer.Models.Select(ModelDocument.From)]), console => WriteList(console, answer.Models));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetModelRequest { Version = context.Arguments.GetRequiredValue(Version) };
        var model = await gateway.ReadAsync(options => gateway.Models.GetModelAsync(request, options), cancellationToken);
        context.Terminal.Write(ModelDocument.From(model, withReport: true), console => ModelScreen.Write(console, model));
        return ExitCodes.Success;
    }

    private static async Task<int> PromoteAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new PromoteModelRequest { Version = context.Arguments.GetRequiredValue(Version), Reason = context.Arguments.GetRequiredValue(Reason) };
        WriteTransition(context, await gateway.ChangeAsync(options => gateway.Models.PromoteModelAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> RollBackAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new RollbackModelRequest { Reason = context.Arguments.GetRequiredValue(Reason) };
        WriteTransition(context, await gateway.ChangeAsync(options => gateway.Models.RollbackModelAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> HistoryAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Models.ListModelTransitionsAsync(new ListModelTransitionsRequest(), options), cancellationToken);
        context.Terminal.Write(new TransitionListDocument([.. answer.Transitions.Select(TransitionDocument.From)]), console => WriteHistory(console, answer.Transitions));
        return ExitCodes.Success;
    }

    private static void WriteTransition(CommandContext context, ModelTransition transition) =>
        context.Terminal.Write(TransitionDocument.From(transition), console => console.MarkupLineInterpolated(
            $"Version [bold]{transition.ToVersion}[/] is in production{(transition.HasFromVersion ? $", version {transition.FromVersion} is retired" : "")}."));

    private static void WriteList(IAnsiConsole console, RepeatedField<Model> models)
    {
        if (models.Count == 0)
        {
            console.WriteLine("There are no models yet: `./melanoma train --recipe quick --watch` makes one.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        foreach (var header in (ReadOnlySpan<string>)["version", "state", "recipe", "protocol", "dataset", "test images", "accuracy", "balanced", "melanoma AUC", "created", "promotion policy"])
            table.AddColumn(header);
        foreach (var model in models)
        {
            var test = FiguresDocument.From(model.Test);
            table.AddRow(
                model.Version, ModelScreen.StateMarkup(model.State), Markup.Escape(model.Recipe), Markup.Escape(model.Protocol),
                model.Bundled ? "bundled" : model.DatasetId.ToString(CultureInfo.InvariantCulture), test?.Images.ToString(CultureInfo.InvariantCulture) ?? "",
                ModelScreen.Three(test?.Accuracy), ModelScreen.Three(test?.BalancedAccuracy), ModelScreen.Three(test?.MelanomaAuc),
                model.CreatedAt.ToDateTime().ToString("u", CultureInfo.InvariantCulture), Markup.Escape(ModelScreen.InShort(model.PolicyDecision)));
        }

        console.Write(table);
    }

    private static void WriteHistory(IAnsiConsole console, RepeatedField<ModelTransition> transitions)
    {
        if (transitions.Count == 0)
        {
            console.WriteLine("No version has been in production yet.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumn("when").AddColumn("to").AddColumn("from").AddColumn("who").AddColumn("why").AddColumn("promotion policy");
        foreach (var transition in transitions)
        {
            table.AddRow(
                transition.Time.ToDateTime().ToString("u", CultureInfo.InvariantCulture), transition.ToVersion, transition.HasFromVersion ? transition.FromVersion : "",
                Markup.Escape(transition.Actor), Markup.Escape(transition.Reason),
                // The policy's own promotions have its words as their reason.
                Markup.Escape(transition.PolicyDecision == transition.Reason ? "" : transition.PolicyDecision));
        }

        console.Write(table);
    }
}
