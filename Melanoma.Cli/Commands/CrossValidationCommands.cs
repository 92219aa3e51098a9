using System.CommandLine;
using System.Globalization;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma cross-validation</c>: how well a recipe does on lesions that it was not trained on, all of them.</summary>
internal static class CrossValidationCommands
{
    private static readonly Argument<string> Id = new("ID") { Description = "The cross-validation." };
    private static readonly Option<string> Recipe = new("--recipe") { Description = "The recipe, for example standard.", Required = true, HelpName = "NAME" };
    private static readonly Option<int?> Epochs = new("--epochs") { Description = "Passes over the training pictures; the recipe's own number when not given.", HelpName = "N" };
    private static readonly Option<int?> Seed = new("--seed") { Description = "Seed of initialisation, shuffling and augmentation, never of folds.", HelpName = "N" };

    private static readonly Option<int?> Dataset = new("--dataset")
    {
        Description = "A dataset of the kind cross-validation; one of five drawn folds with the catalogue's present content when not given.",
        HelpName = "NUMBER",
    };

    private static readonly Option<bool> Watch = new("--watch") { Description = "Stay until the figures are there." };

    /// <summary>How often a watcher asks: a fold takes minutes at least.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    public static Command Create() =>
        new Command("cross-validation", "Train a network for each fold of lesions and judge it on that fold: figures, never a model.")
        {
            new Command("start", "Ask for a run for each fold.") { Recipe, Dataset, Epochs, Seed, Watch }.Runs(StartAsync),
            new Command("list", "All cross-validations, newest first.").Runs(ListAsync),
            new Command("show", "One cross-validation with its folds and figures.") { Id, Watch }.Runs(ShowAsync),
            new Command("cancel", "Stop the folds that have not ended.") { Id }.Runs(CancelAsync),
        }.Runs(ListAsync);

    private static async Task<int> StartAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var arguments = context.Arguments;
        var request = new StartCrossValidationRequest { Recipe = arguments.GetRequiredValue(Recipe) };
        if (arguments.GetValue(Dataset) is { } dataset)
            request.DatasetId = dataset;
        if (arguments.GetValue(Epochs) is { } epochs)
            request.Epochs = epochs;
        if (arguments.GetValue(Seed) is { } seed)
            request.Seed = seed;
        var gateway = await context.ConnectAsync(cancellationToken);
        var started = await gateway.ChangeAsync(options => gateway.CrossValidations.StartCrossValidationAsync(request, options), cancellationToken);
        return await ShowAsync(context, gateway, started, cancellationToken);
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        return await ShowAsync(context, gateway, await GetAsync(gateway, context.Arguments.GetRequiredValue(Id), cancellationToken), cancellationToken);
    }

    private static async Task<int> ShowAsync(CommandContext context, GatewayConnection gateway, CrossValidation shown, CancellationToken cancellationToken)
    {
        if (context.Arguments.GetValue(Watch))
            shown = await WatchAsync(context, gateway, shown, cancellationToken);
        context.Terminal.Write(CrossValidationDocument.From(shown), console => CrossValidationScreen.Write(console, shown));
        return HasEnded(shown) && shown.Figures is null ? ExitCodes.Failure : ExitCodes.Success;
    }

    private static async Task<CrossValidation> WatchAsync(CommandContext context, GatewayConnection gateway, CrossValidation shown, CancellationToken cancellationToken) =>
        await context.Terminal.ProgressAsync(Output.ProgressColumns.Plain, async progress =>
        {
            var bar = progress.AddTask("Folds", maxValue: shown.Folds.Count);
            while (true)
            {
                bar.Value = shown.Folds.Count(run => run.State == RunState.Completed);
                bar.Description = CrossValidationScreen.Say(shown);
                if (shown.Figures is not null || HasEnded(shown))
                    return shown;
                await Task.Delay(Interval, gateway.Time, cancellationToken);
                shown = await GetAsync(gateway, shown.CrossValidationId, cancellationToken);
            }
        });

    /// <summary>Whether no figures will ever come.</summary>
    private static bool HasEnded(CrossValidation shown) => shown.Folds.Any(run => run.State is RunState.Failed or RunState.Cancelled)
        && shown.Folds.All(run => run.State is RunState.Completed or RunState.Failed or RunState.Cancelled);

    private static async Task<int> CancelAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new CancelCrossValidationRequest { CrossValidationId = context.Arguments.GetRequiredValue(Id) };
        var cancelled = await gateway.ChangeAsync(options => gateway.CrossValidations.CancelCrossValidationAsync(request, options), cancellationToken);
        context.Terminal.Write(CrossValidationDocument.From(cancelled), console => console.WriteLine("Its runs will stop after the steps that they are in."));
        return ExitCodes.Success;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.CrossValidations.ListCrossValidationsAsync(new ListCrossValidationsRequest(), options), cancellationToken);
        context.Terminal.Write(new CrossValidationListDocument([.. answer.CrossValidations.Select(CrossValidationDocument.From)]), console =>
        {
            if (answer.CrossValidations.Count == 0)
            {
                console.WriteLine("There are no cross-validations yet: `./melanoma cross-validation start --recipe quick --watch` makes one.");
                return;
            }

            var table = new Table().Border(TableBorder.Rounded);
            foreach (var header in (ReadOnlySpan<string>)["cross-validation", "recipe", "dataset", "epochs", "folds done", "balanced accuracy", "requested", "by"])
                table.AddColumn(header);
            foreach (var item in answer.CrossValidations)
            {
                table.AddRow(
                    item.CrossValidationId, Markup.Escape(item.Recipe), item.DatasetId.ToString(CultureInfo.InvariantCulture), item.Epochs.ToString(CultureInfo.InvariantCulture),
                    FormattableString.Invariant($"{item.Folds.Count(run => run.State == RunState.Completed)} of {item.Folds.Count}"),
                    item.Figures is { } figures ? CrossValidationScreen.Say(figures.All.Diagnoses.BalancedAccuracy) : "",
                    item.RequestedAt.ToDateTime().ToString("u", CultureInfo.InvariantCulture), Markup.Escape(item.RequestedBy));
            }

            console.Write(table);
        });
        return ExitCodes.Success;
    }

    private static Task<CrossValidation> GetAsync(GatewayConnection gateway, string id, CancellationToken cancellationToken) =>
        gateway.ReadAsync(
            options => gateway.CrossValidations.GetCrossValidationAsync(new GetCrossValidationRequest { CrossValidationId = id }, options), cancellationToken);
}
