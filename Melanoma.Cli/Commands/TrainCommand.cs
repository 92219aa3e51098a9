using System.CommandLine;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.Recipes;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma train</c>: asks for a training run, and watches it when told to.</summary>
internal static class TrainCommand
{
    private static readonly Option<string> Recipe = new("--recipe") { Description = $"{string.Join(", ", RecipeCatalogue.All.Select(recipe => recipe.Name))}.", Required = true, HelpName = "NAME" };
    private static readonly Option<int?> Epochs = new("--epochs") { Description = "Passes over the training pictures; the recipe's own number when not given.", HelpName = "N" };
    private static readonly Option<int?> Seed = new("--seed") { Description = "Seed of initialisation, shuffling and augmentation, never of splits.", HelpName = "N" };
    private static readonly Option<int?> Samples = new("--samples") { Description = "Augmented pictures per class; the recipe's own number when not given.", HelpName = "N" };
    private static readonly Option<int?> Dataset = new("--dataset") { Description = "The dataset; one with the catalogue's present content when not given.", HelpName = "NUMBER" };
    private static readonly Option<string?> StartFrom = new("--start-from") { Description = "The model version whose weights it starts from; the recipe's own start when not given.", HelpName = "VERSION" };
    private static readonly Option<int?> Views = new("--views") { Description = "In how many turned and mirrored views the model looks at a picture: 1, or 8, which is steadier and takes eight times as long.", HelpName = "N" };
    private static readonly Option<bool> Watch = new("--watch") { Description = "Stay and show the run until it has ended." };

    private static readonly Option<string> ProtocolOption = new Option<string>("--protocol")
    {
        Description = "honest: lesions in one split. leaky: as the original notebook; never served.",
        DefaultValueFactory = _ => "honest",
    }.AcceptOnlyFromAmong("honest", "leaky");

    public static Command Create() =>
        new Command("train", "Start a training run.") { Recipe, Epochs, Seed, Samples, Dataset, StartFrom, Views, ProtocolOption, Watch }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var arguments = context.Arguments;
        var request = new StartRunRequest
        {
            Recipe = arguments.GetRequiredValue(Recipe),
            Protocol = arguments.GetValue(ProtocolOption) == "leaky" ? Protocol.Leaky : Protocol.Honest,
        };
        if (arguments.GetValue(Epochs) is { } epochs)
            request.Epochs = epochs;
        if (arguments.GetValue(Seed) is { } seed)
            request.Seed = seed;
        if (arguments.GetValue(Samples) is { } samples)
            request.SamplesPerClass = samples;
        if (arguments.GetValue(Dataset) is { } dataset)
            request.DatasetId = dataset;
        if (arguments.GetValue(StartFrom) is { } version)
            request.StartVersion = version;
        if (arguments.GetValue(Views) is { } views)
            request.Views = views;

        var gateway = await context.ConnectAsync(cancellationToken);
        var run = await StartAsync(gateway, request, cancellationToken);
        if (arguments.GetValue(Watch))
            return await RunWatch.ShowAsync(context.Terminal, gateway, run.RunId, cancellationToken);
        context.Terminal.Write(RunDocument.From(run), console => console.MarkupLineInterpolated(
            $"Run [bold]{run.RunId}[/] of recipe {run.Recipe} on dataset {run.DatasetId} for {run.Epochs} epochs. Watch it with `./melanoma runs watch {run.RunId}`."));
        return ExitCodes.Success;
    }

    public static Task<Run> StartAsync(GatewayConnection gateway, StartRunRequest request, CancellationToken cancellationToken) =>
        gateway.ChangeAsync(options => gateway.Runs.StartRunAsync(request, options), cancellationToken);
}
