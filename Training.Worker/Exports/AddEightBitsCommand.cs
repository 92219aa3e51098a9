using System.CommandLine;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Artefacts;
using Melanoma.Training.Recipes;

namespace Melanoma.Training.Exports;

/// <summary><c>add-int8</c>: gives a model folder of before the file of eight bits, and says in its report which of the two files answers.</summary>
internal static class AddEightBitsCommand
{
    public const string Name = "add-int8";

    public static Task<int> RunAsync(string[] args)
    {
        var export = new Argument<FileInfo>("EXPORT.zip") { Description = "The export that the model was trained on." };
        var folder = new Argument<DirectoryInfo>("FOLDER") { Description = "The model folder." };
        var command = new RootCommand("Adds a file of eight bits to a model folder.") { new Command(Name, "Adds a file of eight bits to a model folder.") { export, folder } };
        command.Subcommands[0].SetAction((parsed, cancellationToken) =>
            MendableErrors.SayAsync(AddAsync(parsed.GetRequiredValue(export).FullName, parsed.GetRequiredValue(folder).FullName, cancellationToken)));
        return command.Parse(args).InvokeAsync();
    }

    private static async Task<int> AddAsync(string export, string folder, CancellationToken cancellationToken)
    {
        var model = await ModelFolder.ReadAsync(folder, cancellationToken);
        var images = ExportedDataset.Read(export);
        RequireItsOwn(model, images);
        var pixels = Directory.CreateTempSubdirectory("melanoma-add-int8-");
        try
        {
            using var cache = ExportedDataset.Decode(export, images, model.InputSize, Path.Combine(pixels.FullName, "pictures"));
            var data = ExportedDataset.ToTrainingData(cache, images, TrainingRecipes.Find(model.Report.Recipe, model.Report.RecipeVersion).LeastLesions);
            var (files, choice) = VersionFiles.Make(model.Files.Precise, data, mayServeEightBits: true, cancellationToken);
            await ModelFolder.WriteAsync(folder, files, model.Report with { Artefacts = choice }, images, cancellationToken);
            Console.WriteLine(choice.Reason);
            return 0;
        }
        finally
        {
            pixels.Delete(recursive: true);
        }
    }

    // Calibrated on pictures that it was trained on, a file would be too certain of itself.
    private static void RequireItsOwn(ModelFolder model, IReadOnlyList<ExportedImage> images)
    {
        var differing = model.Seen.Select(image => (Convert.ToHexStringLower(image.Sha256), image.Split)).ToHashSet();
        differing.SymmetricExceptWith(images.Where(image => image.Split != Split.Test).Select(image => (image.Sha256.ToLowerInvariant(), image.Split)));
        if (differing.Count > 0)
        {
            var pictures = differing.Select(image => image.Item1).Distinct().Count();
            throw new InvalidDataException($"The model was trained on another export: {pictures} images are in one of the two alone, or in other splits.");
        }
    }
}
