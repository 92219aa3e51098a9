using System.Diagnostics;
using System.Globalization;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Melanoma.Training;
using Melanoma.Training.Ablations;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Exports;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;
using Melanoma.Training.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

// Usage: EXPORT.zip --variant NAME [--epochs N] [--seed N] [--lite0 FILE] [--lite2 FILE] [--device auto|cpu|cuda] [--cache FILE] [--into FOLDER] [--teachers FOLDER,...] [--from FOLDER].
// Trains on the training images of an export and judges on its validation images; what the test split holds is not even decoded.
// With --from and --epochs 0 it judges the network of an earlier training. With --train it makes a model of the changed recipe, or with --folds TABLE --fold K its predictions of a fold, as `train-export` does, --into FOLDER.
var ablation = Ablation.All.First(each => each.Name == Option("--variant"));
var (epochs, seed) = (Number("--epochs", 12), Number("--seed", 123));
string[] teachers = Option("--teachers")?.Split(',') ?? [];
var device = new TrainingDevice(Options.Create(new TrainingOptions { Device = Option("--device") ?? "auto" }), NullLogger<TrainingDevice>.Instance);

if (args.Contains("--train"))
{
    var options = new ExportTrainingOptions(
        args[0], Option("--into")!, epochs, seed, Option("--" + ablation.Weights), Option("--device") ?? "auto", 0, Option("--folds"), Number("--fold", 0), Option("--cache"))
    {
        Teachers = teachers,
    };
    return await ExportTraining.RunAsync(options, ablation.Change(TrainingRecipes.Newest("standard")), CancellationToken.None);
}

// All epochs are seen, and the best is kept.
var recipe = ablation.Change(TrainingRecipes.Newest("standard")) with { Patience = int.MaxValue };
var images = ExportedDataset.Read(args[0]).Where(image => image.Split != Split.Test).ToList();
using var cache = ExportedDataset.Decode(args[0], images, recipe.Network.InputSize, Option("--cache") ?? Path.Combine(Path.GetTempPath(), "ablations.pixels"));
var data = ExportedDataset.ToTrainingData(cache, images, recipe.LeastLesions);
var start = Option("--from") is { } earlier ? SafeTensors.Read(File.ReadAllBytes(Path.Combine(earlier, TeacherFolders.WeightsFile))).Tensors
    : Option("--" + ablation.Weights) is { } file ? PublishedWeights.For(recipe.Network, File.ReadAllBytes(file)) : null;
var clock = Stopwatch.StartNew();
using var taught = await TeacherFolders.ReadAsync(teachers, images, device.Device, CancellationToken.None);
using var trainer = new Trainer(recipe, data, epochs, seed, TimeProvider.System, start, TrainerSettings.For(device.Device), taught);
while (!trainer.IsFinished)
{
    var epoch = await device.RunAsync(() => trainer.FinishEpoch(null, CancellationToken.None));
    var judged = await device.RunAsync(() => Judged([0]));
    Console.Error.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{ablation.Name} {epoch.Epoch}: loss {epoch.TrainingLoss:f3} / {epoch.ValidationLoss:f3}, accuracy {epoch.TrainingAccuracy:f3} / {epoch.ValidationAccuracy:f3}, nine {epoch.ValidationBalancedAccuracy:f3}, seven {judged.BalancedAccuracy:f3}, AUC {judged.MelanomaAuc:f3}, {epoch.ImagesPerSecond:f0} images/s"));
}

if (Option("--into") is { } into)
{
    Directory.CreateDirectory(into);
    await TeacherFolders.WriteWeightsAsync(into, trainer.Network, CancellationToken.None);
    await ModelFolder.WriteSeenAsync(into, images, CancellationToken.None);
}

var (one, eight) = await device.RunAsync(() => (Judged([0]), Judged([.. Enumerable.Range(0, SquareSymmetry.Count)])));
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"| {ablation.Name} | {seed} | {one.Accuracy:f3} | {one.BalancedAccuracy:f3} [{one.BalancedAccuracyInterval.Low:f3}, {one.BalancedAccuracyInterval.High:f3}] | {one.MelanomaAuc:f3} | {eight.BalancedAccuracy:f3} | {eight.MelanomaAuc:f3} | {clock.Elapsed.TotalSeconds:f0} |"));
return 0;

// The best epoch's figures in the seven classes of HAM10000, from the mean logits of some views.
VocabularyFigures Judged(int[] views)
{
    var logits = views.Select(view => trainer.Logits(data.Validation, view)).ToArray();
    float[] mean = [.. Enumerable.Range(0, logits[0].Length).Select(i => logits.Average(each => each[i]))];
    return Judgement.Of(trainer.Rule, trainer.Prior, mean, data.Validation, ClassVocabulary.Ham10000).VocabularyFigures(seed);
}

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;

int Number(string name, int otherwise) => Option(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
