using System.CommandLine;
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
        command.Subcommands[0].SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                await AddAsync(parsed.GetRequiredValue(export).FullName, parsed.GetRequiredValue(folder).FullName, cancellationToken);
                return 0;
            }
            catch (Exception exception) when (exception is InvalidDataException or IOException or UnknownRecipeException)
            {
                Console.Error.WriteLine(exception.Message);
                return 1;
            }
        });
        return command.Parse(args).InvokeAsync();
    }

    private static async Task AddAsync(string export, string folder, CancellationToken cancellationToken)
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
        }
        finally
        {
            pixels.Delete(recursive: true);
        }
    }

    // Calibrated on pictures that it was trained on, a file would be too certain of itself.
    private static void RequireItsOwn(ModelFolder model, IReadOnlyList<ExportedImage> images)
    {
        var unseen = images.Where(image => image.Split != Storage.Datasets.Split.Test).Select(image => image.Sha256).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var missing = model.Seen.Count(image => !unseen.Contains(Convert.ToHexString(image.Sha256)));
        var splits = model.Seen.ToDictionary(image => Convert.ToHexString(image.Sha256), image => image.Split);
        var others = images.Count(image => splits.TryGetValue(image.Sha256.ToUpperInvariant(), out var split) ? split != image.Split : image.Split != Storage.Datasets.Split.Test);
        if (others + missing > 0)
        {
            throw new InvalidDataException($"The model was trained on another export: {others} of these images are of another split for it or unknown to it, and {missing} that it has seen are missing.");
        }
    }
}
