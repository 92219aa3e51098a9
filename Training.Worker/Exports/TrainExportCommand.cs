using System.CommandLine;
using Melanoma.Contracts.Recipes;
using Melanoma.Training.Recipes;

namespace Melanoma.Training.Exports;

/// <summary>
/// <c>train-export</c>: trains on an exported dataset where neither database nor broker is, for example on a GPU machine that is lent for an hour. It goes on
/// from its checkpoint when it is started again with the same arguments.
/// </summary>
internal static class TrainExportCommand
{
    public const string Name = "train-export";

    public static Task<int> RunAsync(string[] args)
    {
        var export = new Argument<FileInfo>("EXPORT.zip") { Description = "What `melanoma datasets export` wrote." };
        var into = new Option<DirectoryInfo>("--into") { Description = "Folder for checkpoint, model, report and predictions.", Required = true };
        var recipe = new Option<string>("--recipe") { Description = "Name of the recipe.", DefaultValueFactory = _ => "standard" };
        var epochs = new Option<int?>("--epochs") { Description = "Passes over the training images; by default the recipe's." };
        var seed = new Option<int?>("--seed") { Description = "Seed of initialisation, order and augmentation; by default the recipe's." };
        var weights = new Option<FileInfo?>("--weights") { Description = "A safetensors file with timm's or torchvision's names, of the recipe's network, to start from." };
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda.", DefaultValueFactory = _ => "auto" };
        var threads = new Option<int>("--threads") { Description = "Threads of the numerics; 0 takes all cores." };
        var folds = new Option<FileInfo?>("--folds") { Description = "A table with isic_id and fold: cross-validation, which yields predictions and no model." };
        var fold = new Option<int>("--fold") { Description = "The fold held out." };
        var cache = new Option<FileInfo?>("--cache") { Description = "File of the decoded pictures, to be shared by several runs; by default in the folder." };
        var views = new Option<int>("--views")
        {
            Description = "Turned and mirrored views of a picture that the model averages: 1, or 8, which takes eight times as long to answer.",
            DefaultValueFactory = _ => 1,
        };
        var teachers = new Option<DirectoryInfo[]>("--teachers")
        {
            Description = "Folders of earlier trainings on the same export; the new model learns from what their networks say besides the labels.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        var command = new RootCommand("Trains on an exported dataset.")
        {
            new Command(Name, "Trains on an exported dataset, without database and broker.") { export, into, recipe, epochs, seed, weights, device, threads, folds, fold, cache, views, teachers },
        };
        device.AcceptOnlyFromAmong("auto", "cpu", "cuda");
        views.AcceptOnlyFromAmong("1", "8");
        recipe.AcceptOnlyFromAmong([.. RecipeCatalogue.All.Select(summary => summary.Name)]);
        command.Subcommands[0].SetAction((parsed, cancellationToken) => MendableErrors.SayAsync(ExportTraining.RunAsync(
            new ExportTrainingOptions(
                parsed.GetRequiredValue(export).FullName,
                parsed.GetRequiredValue(into).FullName,
                parsed.GetValue(epochs),
                parsed.GetValue(seed),
                parsed.GetValue(weights)?.FullName,
                parsed.GetRequiredValue(device),
                parsed.GetValue(threads),
                parsed.GetValue(folds)?.FullName,
                parsed.GetValue(fold),
                parsed.GetValue(cache)?.FullName,
                parsed.GetValue(views))
            {
                Teachers = [.. parsed.GetRequiredValue(teachers).Select(folder => folder.FullName)],
            },
            TrainingRecipes.Newest(parsed.GetRequiredValue(recipe)),
            cancellationToken)));
        return command.Parse(args).InvokeAsync();
    }
}
