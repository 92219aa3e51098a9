using Melanoma.Contracts;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using ModelState = Melanoma.Contracts.V1.ModelState;
using Split = Melanoma.Storage.Datasets.Split;

namespace Melanoma.IntegrationTests.Inference;

public sealed class BundledModelTests(TestServers servers) : IDisposable
{
    private readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("melanoma-test-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Folder => Path.Combine(Repository.Root, "models");

    [Fact]
    public async Task Should_answer_with_the_bundled_model_when_an_installation_is_fresh()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        await using var first = stand.StartTraining(Folder, _cache.FullName);
        await using var second = stand.StartTraining(Folder, _cache.FullName);
        await first.WaitUntilReadyAsync(Cancellation);
        await second.WaitUntilReadyAsync(Cancellation);

        await stand.EventuallyAsync(() => CountAsync(stand), count => count > 0);
        var model = await stand.DecidedAsync(1);
        var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(InferenceStand.Picture(200, 120, 100)), InferenceStand.Caller(), cancellationToken: Cancellation);

        Assert.Equal((ModelState.Production, true, "", 0), (model.State, model.Bundled, model.RunId, model.DatasetId));
        Assert.StartsWith("Promoted: it is the bundled model", model.PolicyDecision, StringComparison.Ordinal);
        Assert.Contains(model.DatasetWarnings, warning => warning.Contains("CC BY-NC 4.0", StringComparison.Ordinal));
        Assert.Equal("1", answer.ModelVersion);
        Assert.Equal(0, answer.Probabilities.Single(item => item.Diagnosis == "seborrheic keratosis").Probability);
        await using var database = stand.Database();
        Assert.Equal(File.ReadLines(Path.Combine(Folder, "seen-images.csv")).Count(), await database.ModelTrainingImages.CountAsync(Cancellation));
        await stand.EventuallyAsync(() => Task.FromResult(first.Log + second.Log), log => log.Contains("There are models already", StringComparison.Ordinal));
        Assert.Equal(1, await CountAsync(stand));
    }

    [Fact]
    public async Task Should_not_be_judged_on_pictures_that_it_has_seen_when_another_model_is_compared_with_it()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        await using var worker = stand.StartTraining(Folder, _cache.FullName);
        await stand.EventuallyAsync(() => CountAsync(stand), count => count > 0);
        await stand.DecidedAsync(1);
        var dataset = await stand.AddDatasetAsync(2, Enumerable.Range(0, 24).Select(number => (InferenceStand.Picture(220, 40, 40, number), Diagnosis.Melanoma, Split.Test)));
        await using (var database = stand.Database())
        {
            await database.Database.ExecuteSqlAsync($"""
                INSERT INTO model_training_images (version, sha256)
                SELECT 1, sha256 FROM images JOIN dataset_items ON image_id = id WHERE ordinal < 3
                """, Cancellation);
        }

        var right = TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion) with { DatasetId = dataset };
        var own = await stand.DecidedAsync(await stand.RegisterAsync(right.Build(), dataset, decided: null));

        Assert.Contains("on the same 21 test images", own.PolicyDecision, StringComparison.Ordinal);
        Assert.EndsWith("3 test images were left out because version 1 was trained or chosen on their lesions.", own.PolicyDecision, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_work_without_it_when_its_files_do_not_belong_together()
    {
        var broken = Directory.CreateDirectory(Path.Combine(_cache.FullName, "broken")).FullName;
        foreach (var file in (string[])["model.onnx", "model-int8.onnx", "report.json"])
        {
            File.Copy(Path.Combine(Folder, file), Path.Combine(broken, file));
        }

        await File.WriteAllTextAsync(Path.Combine(broken, "seen-images.csv"), "no hash,train\n", Cancellation);
        await using var stand = await InferenceStand.StartAsync(servers);
        await using var worker = stand.StartTraining(broken, _cache.FullName);

        await stand.EventuallyAsync(() => Task.FromResult(worker.Log), log => log.Contains("is left out", StringComparison.Ordinal));

        await worker.WaitUntilReadyAsync(Cancellation);
        Assert.Contains("no SHA-256", worker.Log, StringComparison.Ordinal);
        Assert.Equal(0, await CountAsync(stand));
    }

    public void Dispose() => _cache.Delete(recursive: true);

    private static async Task<int> CountAsync(InferenceStand stand)
    {
        await using var database = stand.Database();
        return await database.ModelVersions.CountAsync(Cancellation);
    }
}
