using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.Recipes;
using Melanoma.Reports;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;
using Melanoma.Training.Reports;
using Melanoma.Training.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Melanoma.Training.Exports;

/// <summary>What <see cref="TrainExportCommand"/> was asked for.</summary>
internal sealed record ExportTrainingOptions(
    string Export, string Into, int? Epochs, int? Seed, string? Weights, string Device, int Threads, string? Folds, int Fold, string? Cache, int Views = 1)
{
    /// <summary>Folders of trainings on the same export whose networks teach this one.</summary>
    public IReadOnlyList<string> Teachers { get; init; } = [];
}

/// <summary>Trains on an exported dataset and leaves behind what a run of the platform would register.</summary>
internal static class ExportTraining
{
    private const string OutsideWarning = "Trained on an export: looks at its test split are not counted, and what the dataset warns of stands in the export's README.txt.";

    private const int FiguresOfEpoch = 5;
    private const int FieldsOfEpoch = 8;

    /// <summary>Trains a recipe from the last checkpoint to the end.</summary>
    /// <returns>The exit status.</returns>
    public static async Task<int> RunAsync(ExportTrainingOptions options, TrainingRecipe recipe, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.Into);
        var summary = recipe.Summary;
        var (epochs, seed) = (options.Epochs ?? summary.Epochs, options.Seed ?? summary.Seed);
        var device = new TrainingDevice(
            Options.Create(new TrainingOptions { Device = options.Device, Threads = options.Threads }), NullLogger<TrainingDevice>.Instance);
        Console.WriteLine($"{summary.Name} on {device.Device}, {epochs} epochs, seed {seed}");
        if (device.SlowMemory is { } advice)
        {
            Console.Error.WriteLine(advice);
        }

        var images = ExportedDataset.Read(options.Export);
        if (options.Folds is { } folds)
        {
            images = CrossValidation.HoldOut(images, CrossValidation.ReadFolds(folds), options.Fold);
            recipe = recipe.WithoutChoices();
        }

        // Folds change the splits, not the pictures, so all of them share a cache; it holds every picture of the export.
        using var cache = ExportedDataset.Decode(options.Export, images, recipe.Network.InputSize, options.Cache ?? Path.Combine(options.Into, "pictures.pixels"));
        var data = ExportedDataset.ToTrainingData(cache, images, recipe.LeastLesions);
        Console.WriteLine($"{data.Train.Length} training, {data.Validation.Length} validation, {data.Test.Length} test images");

        if (data.Train.Length == 0 || data.Validation.Length == 0)
        {
            throw new InvalidDataException(options.Folds is null
                ? $"No diagnosis has {recipe.LeastLesions} training lesions, or there are no validation images."
                : $"No image is of fold {options.Fold}, or none is of another.");
        }

        if (options.Teachers.Count > 0 && recipe.HeadPenalty is not null)
        {
            throw new InvalidDataException($"{summary.Name} fits the last layer alone, at once; teachers can teach it nothing.");
        }

        await RequireSameRunAsync(options, images, summary, seed, cancellationToken);
        var start = StartOf(recipe, options.Weights);
        using var teachers = await TeacherFolders.ReadAsync(options.Teachers, images, device.Device, cancellationToken);
        using var trainer = new Trainer(recipe, data, epochs, seed, TimeProvider.System, start, TrainerSettings.For(device.Device), teachers);
        var checkpoint = Path.Combine(options.Into, "checkpoint.safetensors");
        if (File.Exists(checkpoint))
        {
            trainer.Restore(await File.ReadAllBytesAsync(checkpoint, cancellationToken));
            Console.WriteLine($"goes on after epoch {trainer.Epoch}");
        }

        while (!trainer.IsFinished)
        {
            var figures = await device.RunAsync(() => trainer.FinishEpoch(null, cancellationToken));
            await ReportAsync(options.Into, figures, cancellationToken);
            await WholeFile.WriteAsync(checkpoint, trainer.Capture(), cancellationToken);
        }

        await device.RunAsync(() => Predictions.Write(Path.Combine(options.Into, "predictions.csv"), trainer, options.Folds is null ? [data.Validation, data.Test] : [data.Validation], images));
        if (options.Folds is null)
        {
            await TeacherFolders.WriteWeightsAsync(options.Into, trainer.Network, cancellationToken);
            IReadOnlyList<string> warnings =
            [
                OutsideWarning,
                .. recipe.StartsFromInitialWeights && start is null ? ["Started from random weights: --weights was not given."] : (string[])[],
                .. options.Teachers.Count > 0 ? [string.Create(CultureInfo.InvariantCulture, $"Taught by the networks of {options.Teachers.Count} earlier trainings on the same export.")] : (string[])[],
            ];
            using var frozen = await device.RunAsync(() => FrozenBaseline.Fit(recipe, data, start, TrainerSettings.For(device.Device), cancellationToken));
            var facts = new RunFacts(summary.Name, summary.Version, ModelProperties.NoDataset, DatasetKind.Honest, epochs, seed, options.Views, TestLooks: 0, warnings, Licences(images));
            var curve = await ReadEpochsAsync(options.Into, trainer.Epoch, cancellationToken);
            var (files, report) = await device.RunAsync(() => TrainedModel.Make(facts, recipe, trainer, data, curve, frozen));
            await ModelFolder.WriteAsync(options.Into, files, report, images, cancellationToken);
            var pictures = await device.RunAsync(() => SamplePictures.Make(recipe, data, seed));
            var content = new ReportContent($"Model of recipe {summary.Name}, trained on an export", report, report.ToJson())
            {
                Pictures = [.. pictures.Select(picture => new ReportPicture(picture.Label.ToString(), picture.IsAugmented, picture.Jpeg))],
            };
            foreach (var file in ReportFiles.Make(content))
            {
                await WholeFile.WriteAsync(Path.Combine(options.Into, file.Name), file.Bytes, cancellationToken);
            }
        }

        return 0;
    }

    /// <summary>A folder is of one run: a checkpoint of another fold, dataset, recipe, start or teachers must not be gone on from.</summary>
    private static async Task RequireSameRunAsync(
        ExportTrainingOptions options, List<ExportedImage> images, RecipeSummary summary, int seed, CancellationToken cancellationToken)
    {
        var weights = options.Weights is { } file ? await HashAsync(file) : "";
        var lines = images
            .Select(image => $"{image.Sha256},{image.Split},{image.Label.Bits},{image.Group}")
            .Prepend(string.Create(CultureInfo.InvariantCulture, $"{summary.Name} {summary.Version} {seed} {weights} {options.Folds is null}"));
        foreach (var teacher in options.Teachers)
        {
            lines = lines.Append(await HashAsync(Path.Combine(teacher, TeacherFolders.WeightsFile)));
        }

        var run = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))));
        var path = Path.Combine(options.Into, "run.sha256");
        if (File.Exists(path) && await File.ReadAllTextAsync(path, cancellationToken) != run)
        {
            throw new InvalidDataException($"{options.Into} holds another run; name an empty folder.");
        }

        await File.WriteAllTextAsync(path, run, cancellationToken);

        async Task<string> HashAsync(string of) => Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(of, cancellationToken)));
    }

    private static Dictionary<string, Weight>? StartOf(TrainingRecipe recipe, string? weights) => weights is null
        ? null
        : PublishedWeights.For(recipe.Network, File.ReadAllBytes(weights));

    private static LicenceCount[] Licences(IEnumerable<ExportedImage> images) =>
    [
        .. images.GroupBy(image => image.Licence.Length > 0 ? image.Licence : "unknown").Select(group => new LicenceCount(group.Key, group.Count()))
            .OrderByDescending(licence => licence.Images).ThenBy(licence => licence.Licence, StringComparer.Ordinal),
    ];

    private static async Task ReportAsync(string folder, EpochFigures epoch, CancellationToken cancellationToken)
    {
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{epoch.Epoch},{epoch.TrainingLoss:f4},{epoch.TrainingAccuracy:f4},{epoch.ValidationLoss:f4},{epoch.ValidationAccuracy:f4},{epoch.ValidationBalancedAccuracy:f4},{epoch.Seconds:f1},{epoch.ImagesPerSecond:f0}");
        Console.WriteLine(line);
        var path = Path.Combine(folder, "epochs.csv");

        // Behind half a line that a killed process left, a new one begins.
        var start = File.Exists(path) && (await File.ReadAllTextAsync(path, cancellationToken)) is { Length: > 0 } text && !text.EndsWith('\n') ? Environment.NewLine : "";
        await File.AppendAllTextAsync(path, start + line + Environment.NewLine, cancellationToken);
    }

    /// <summary>The epochs as <see cref="ReportAsync"/> wrote them; one that was trained again after an interruption counts as it was the last time.</summary>
    private static async Task<IReadOnlyList<EpochReport>> ReadEpochsAsync(string folder, int finished, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, "epochs.csv");
        var lines = File.Exists(path) ? await File.ReadAllLinesAsync(path, cancellationToken) : [];
        var epochs = new SortedDictionary<int, EpochReport>();
        foreach (var fields in lines.Select(line => line.Split(',')))
        {
            // A process that was killed may leave half a line; its epoch is trained and written again.
            var figures = new double[FiguresOfEpoch];
            if (fields.Length == FieldsOfEpoch && int.TryParse(fields[0], CultureInfo.InvariantCulture, out var number)
                && Enumerable.Range(0, FiguresOfEpoch).All(at => double.TryParse(fields[at + 1], CultureInfo.InvariantCulture, out figures[at])))
            {
                epochs[number] = new EpochReport(number, figures[0], figures[1], figures[2], figures[3], figures[4]);
            }
        }

        return [.. epochs.Values.Where(epoch => epoch.Epoch <= finished)];
    }
}
