using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Exports;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class TrainExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("melanoma-export-").FullName;

    [Fact]
    public async Task Should_leave_a_model_a_report_and_predictions_when_an_export_is_trained_on_and_go_on_where_it_was_stopped()
    {
        var export = Write(60);
        var into = Path.Combine(_folder, "out");

        Assert.Equal(0, await TrainExportCommand.RunAsync([TrainExportCommand.Name, export, "--into", into, "--recipe", "quick", "--epochs", "1", "--threads", "1"]));

        // As a killed process leaves it.
        await File.AppendAllTextAsync(Path.Combine(into, "epochs.csv"), "2,0.51", TestContext.Current.CancellationToken);
        Assert.Equal(0, await TrainExportCommand.RunAsync([TrainExportCommand.Name, export, "--into", into, "--recipe", "quick", "--epochs", "2", "--threads", "1"]));

        Assert.Equal(["1", "2", "2"], File.ReadLines(Path.Combine(into, "epochs.csv")).Select(line => line.Split(',')[0]));
        using var session = new InferenceSession(Path.Combine(into, "model.onnx"));
        Assert.Equal("quick", session.ModelMetadata.CustomMetadataMap["melanoma.recipe"]);
        var report = ModelReport.FromJson(await File.ReadAllTextAsync(Path.Combine(into, "report.json"), TestContext.Current.CancellationToken));
        Assert.Equal(("quick", 12), (report.Recipe, report.Test!.Images));
        Assert.Equal((2, new LicenceCount("CC-0", 60)), (report.KeptEpoch, Assert.Single(report.Licences)));
        Assert.Equal([1, 2], report.EpochCurve.Select(epoch => epoch.Epoch));
        Assert.True(File.Exists(Path.Combine(into, "roc.png")));

        // A melanoma and a nevus of the training images, each as it is and in six augmented ones.
        var page = await File.ReadAllTextAsync(Path.Combine(into, "report.html"), TestContext.Current.CancellationToken);
        Assert.Equal(14, page.Split("data:image/jpeg").Length - 1);

        // It can be bundled as it is.
        var bundle = await ModelFolder.ReadAsync(into, TestContext.Current.CancellationToken);
        Assert.Equal([(Split.Train, 36), (Split.Validation, 12)], bundle.Seen.DistinctBy(image => Convert.ToHexString(image.Sha256)).CountBy(image => image.Split).Select(count => (count.Key, count.Value)).Order());

        // The file of eight bits has thresholds of its own, and the report says what they come to.
        var choice = report.Artefacts!;
        Assert.Equal(["fp32", "int8"], choice.Files.Select(file => file.Precision));
        Assert.Equal((choice.Serves, 12, 12), (bundle.Files.Serves, choice.Serving.Validation.Images, choice.Serving.Test!.Images));
        Assert.Equal(report.Test.BalancedAccuracy, choice.Files[0].Test!.BalancedAccuracy, 9);
        Assert.StartsWith($"{choice.Serves} answers", choice.Reason, StringComparison.Ordinal);
        Assert.Equal(choice.Files[1].Validation.SensitivityAtT90, Sensitivity(export, bundle.Files.EightBits!, choice.Files[1].OperatingPoints!.T90));

        // Without it, it can be given one; not by another export.
        File.Delete(Path.Combine(into, "model-int8.onnx"));
        await File.WriteAllTextAsync(Path.Combine(into, "report.json"), (report with { Artefacts = null }).ToJson(), TestContext.Current.CancellationToken);
        Assert.Equal(1, await AddEightBitsCommand.RunAsync([AddEightBitsCommand.Name, Write(58, "fewer.zip"), into]));
        Assert.Equal(0, await AddEightBitsCommand.RunAsync([AddEightBitsCommand.Name, export, into]));
        var again = await ModelFolder.ReadAsync(into, TestContext.Current.CancellationToken);
        Assert.Equal(bundle.Files.EightBits, again.Files.EightBits);
        Assert.Equal(choice.Files[1].Validation, again.Report.Artefacts!.Files[1].Validation);

        // Trained as it is, it can be judged and exported anew, to look at eight views.
        Assert.Equal(0, await TrainExportCommand.RunAsync([TrainExportCommand.Name, export, "--into", into, "--recipe", "quick", "--epochs", "2", "--threads", "1", "--views", "8"]));
        var turned = ModelReport.FromJson(await File.ReadAllTextAsync(Path.Combine(into, "report.json"), TestContext.Current.CancellationToken));
        Assert.Equal((1, 8, 0), (report.Views, turned.Views, turned.Test!.FlipRate));
        using var looking = new InferenceSession(Path.Combine(into, "model.onnx"));
        Assert.Equal(8, ModelProperties.FromMetadata(looking.ModelMetadata.CustomMetadataMap).Views);

        // A folder is of one run.
        Assert.Equal(1, await TrainExportCommand.RunAsync([TrainExportCommand.Name, export, "--into", into, "--recipe", "quick", "--epochs", "2", "--seed", "7", "--threads", "1"]));

        // Validation and test, each in eight views, and the line of the prior.
        Assert.Equal((24 * 8) + 1, File.ReadLines(Path.Combine(into, "predictions.csv")).Count());
    }

    [Fact]
    public async Task Should_learn_from_the_networks_of_other_folders_and_refuse_one_that_has_seen_what_is_held_out()
    {
        var export = Write(60);
        string[] teachers = [Path.Combine(_folder, "first"), Path.Combine(_folder, "second")];
        foreach (var (teacher, seed) in teachers.Zip(["1", "2"]))
        {
            Assert.Equal(0, await TrainExportCommand.RunAsync([TrainExportCommand.Name, export, "--into", teacher, "--recipe", "quick", "--epochs", "1", "--seed", seed, "--threads", "1"]));
        }

        Assert.Equal(0, await TaughtAsync("taught"));
        var report = ModelReport.FromJson(await File.ReadAllTextAsync(Path.Combine(_folder, "taught", "report.json"), TestContext.Current.CancellationToken));
        Assert.Contains("Taught by the networks of 2 earlier trainings on the same export.", report.DatasetWarnings);

        var seen = Path.Combine(teachers[1], "seen-images.csv");
        var lines = await File.ReadAllLinesAsync(seen, TestContext.Current.CancellationToken);
        var test = ExportedDataset.Read(export).First(image => image.Split == Split.Test);
        var validation = ExportedDataset.Read(export).First(image => image.Split == Split.Validation);
        string[][] heldOut = [[.. lines, $"{test.Sha256},train"], [.. lines, $"{test.Sha256},validation"], [.. lines.Where(line => !line.StartsWith(validation.Sha256, StringComparison.Ordinal)), $"{validation.Sha256},train"], [.. lines, $"{new string('0', 64)},train"]];
        foreach (var table in heldOut)
        {
            await File.WriteAllLinesAsync(seen, table, TestContext.Current.CancellationToken);
            Assert.Equal(1, await TaughtAsync("refused"));
            Assert.False(File.Exists(Path.Combine(_folder, "refused", "model.onnx")));
        }

        Task<int> TaughtAsync(string into) => TrainExportCommand.RunAsync(
            [TrainExportCommand.Name, export, "--into", Path.Combine(_folder, into), "--recipe", "quick", "--epochs", "1", "--threads", "1", "--teachers", .. teachers]);
    }

    [Fact]
    public void Should_say_what_is_wrong_when_the_file_is_no_export()
    {
        var path = Path.Combine(_folder, "other.zip");
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            archive.CreateEntry("picture.jpg");
        }

        Assert.Contains("no dataset.csv", Assert.Throws<InvalidDataException>(() => ExportedDataset.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_never_have_a_lesion_on_both_sides_when_a_fold_is_held_out() =>
        Gen.Select(Gen.Select(Gen.Int[0, 9], Gen.Int[-1, 4]).Array[1, 40], Gen.Int[0, 4]).Sample((rows, heldOut) =>
        {
            var images = rows.Select((row, i) => new ExportedImage($"{i}", "", Split.Train, DiagnosisSet.Of(Diagnosis.Nevus), $"{row.Item1}", [$"id{i}"], "", "", "", "", "")).ToArray();
            var folds = rows.Select((row, i) => (Id: $"id{i}", Fold: row.Item2)).Where(row => row.Fold >= 0).ToDictionary(row => row.Id, row => row.Fold);

            var held = CrossValidation.HoldOut(images, folds, heldOut);

            return held.GroupBy(image => image.Group).All(group => group.Select(image => image.Split).Distinct().Count() == 1)
                && held.Where(image => image.Split == Split.Train).All(image => folds.GetValueOrDefault(image.IsicIds[0], -1) != heldOut)
                && held.Where(image => image.Split == Split.Validation).All(image => folds.GetValueOrDefault(image.IsicIds[0], heldOut) == heldOut);
        });

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Share of validation's melanomas at or above a threshold, as a served file says it.</summary>
    private double Sensitivity(string export, byte[] model, double threshold)
    {
        var melanomas = ExportedDataset.Read(export).Where(image => image.Split == Split.Validation && image.Label == DiagnosisSet.Of(Diagnosis.Melanoma)).ToArray();
        using var session = new InferenceSession(model);
        var side = ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap).InputSize;
        using var pictures = ExportedDataset.Decode(export, melanomas, side, Path.Combine(_folder, "melanomas"));
        return Enumerable.Range(0, melanomas.Length).Average(place =>
            DiagnosisRule.Round(NetworkTests.Run(model, pictures[place].ToArray(), side)["probabilities"][(int)Diagnosis.Melanoma]) >= threshold ? 1.0 : 0);
    }

    /// <summary>An export as <c>datasets export</c> writes it, with an attribution that has commas and quotes.</summary>
    private string Write(int count, string name = "export.zip")
    {
        var path = Path.Combine(_folder, name);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        var table = new StringBuilder("image_id,sha256,file,split,label,group_id,isic_ids,licence,attribution,source,age,sex,site,skin_tone\r\n");
        for (var i = 0; i < count; i++)
        {
            var split = (i % 5) switch { 3 => "validation", 4 => "test", _ => "train" };
            using var bitmap = new SKBitmap(40, 30);
            bitmap.Erase(i % 2 == 0 ? new SKColor(120, 60, (byte)i) : new SKColor(200, (byte)(100 + i), 150));
            var bytes = bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray();
            var (hash, label) = (Convert.ToHexStringLower(SHA256.HashData(bytes)), i % 2 == 0 ? "melanoma" : "nevus");
            table.Append($"{Guid.NewGuid()},{hash},images/{split}/{hash}.png,{split},{label},{Guid.NewGuid()},ISIC_{i:d7},CC-0,\"A, \"\"B\"\" and C\",test,,,,\r\n");
            using var entry = archive.CreateEntry($"images/{split}/{hash}.png").Open();
            entry.Write(bytes);
        }

        using (var writer = new StreamWriter(archive.CreateEntry("dataset.csv").Open()))
        {
            writer.Write(table);
        }

        return path;
    }
}
