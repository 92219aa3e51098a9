using System.Text;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Storage.Models;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using Split = Melanoma.Storage.Datasets.Split;

namespace Melanoma.IntegrationTests.Inference;

public sealed class ModelReportTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_give_page_figures_and_plots_without_what_was_forgotten_when_a_report_is_asked_for()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(
            2, [(InferenceStand.Picture(220, 40, 40), Diagnosis.Melanoma, Split.Train), (InferenceStand.Picture(40, 220, 40), Diagnosis.Nevus, Split.Train)]);
        var version = await stand.RegisterAsync((new TestModel { DatasetId = dataset }).Build(), dataset);
        byte[][] jpegs = [[.. "a melanoma that is forgotten"u8], [.. "a nevus that stays"u8]];
        await using (var database = stand.Database())
        {
            var images = await database.DatasetItems.Where(item => item.DatasetId == dataset).OrderBy(item => item.Ordinal).Select(item => item.ImageId).ToListAsync(Cancellation);
            database.ModelReportPictures.AddRange(jpegs.Select((jpeg, ordinal) => new ModelReportPicture
            {
                Version = version,
                Ordinal = ordinal,
                ImageId = images[ordinal],
                Label = DiagnosisSet.Of(ordinal == 0 ? Diagnosis.Melanoma : Diagnosis.Nevus),
                IsAugmented = false,
                Jpeg = jpeg,
            }));
            await database.SaveChangesAsync(Cancellation);

            var before = await PageAsync(stand, version);
            Assert.All(jpegs, jpeg => Assert.Contains(Convert.ToBase64String(jpeg), before, StringComparison.Ordinal));

            await database.Images.Where(image => image.Id == images[0]).ExecuteUpdateAsync(update => update.SetProperty(image => image.ForgottenAt, DateTimeOffset.UtcNow), Cancellation);
            await database.ImageContents.Where(content => content.ImageId == images[0]).ExecuteDeleteAsync(Cancellation);
        }

        var after = await PageAsync(stand, version);
        Assert.DoesNotContain(Convert.ToBase64String(jpegs[0]), after, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String(jpegs[1]), after, StringComparison.Ordinal);
        Assert.Contains("1 of its images were forgotten since", after, StringComparison.Ordinal);
        Assert.Contains("Promotion policy: decided by the test", after, StringComparison.Ordinal);
        Assert.Contains("0.500", after, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_show_the_leaky_figure_beside_the_honest_one_when_a_recipe_was_trained_under_both()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var honest = await stand.RegisterAsync(new TestModel().Build());
        Assert.Null((await GetAsync(honest)).OtherProtocol);
        Assert.DoesNotContain("Under both protocols", await PageAsync(stand, honest), StringComparison.Ordinal);

        var leaky = await stand.RegisterAsync(new TestModel().Build(), await stand.AddReproductionAsync(), DatasetKind.Reproduction);

        Assert.Equal(($"{leaky}", "leaky", 0.7), Beside(await GetAsync(honest)));
        Assert.Equal(($"{honest}", "honest", 0.7), Beside(await GetAsync(leaky)));
        Assert.Contains($"this version and version {leaky}", await PageAsync(stand, honest), StringComparison.Ordinal);
        Assert.Contains($"this version and version {honest}", await PageAsync(stand, leaky), StringComparison.Ordinal);

        async Task<Model> GetAsync(int version) =>
            await stand.Registry.GetModelAsync(new GetModelRequest { Version = $"{version}" }, InferenceStand.Caller(), cancellationToken: Cancellation);

        static (string, string, double) Beside(Model model) => (model.OtherProtocol.Version, model.OtherProtocol.Protocol, model.OtherProtocol.Figures.Accuracy);
    }

    [Fact]
    public async Task Should_say_why_when_there_is_no_such_version_or_its_report_is_of_another_time()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var version = await stand.RegisterAsync(new TestModel().Build());
        await using (var database = stand.Database())
        {
            await database.ModelVersions.Where(model => model.Version == version).ExecuteUpdateAsync(update => update.SetProperty(model => model.Report, "{}"), Cancellation);
        }

        Assert.Equal(StatusCode.NotFound, (await RefusedAsync("99")).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await RefusedAsync("newest")).StatusCode);
        Assert.Equal(StatusCode.FailedPrecondition, (await RefusedAsync($"{version}")).StatusCode);

        async Task<RpcException> RefusedAsync(string name)
        {
            using var call = stand.Registry.GetModelReport(new GetModelReportRequest { Version = name }, InferenceStand.Caller(), cancellationToken: Cancellation);
            return await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Cancellation));
        }
    }

    private static async Task<string> PageAsync(InferenceStand stand, int version)
    {
        using var call = stand.Registry.GetModelReport(new GetModelReportRequest { Version = $"{version}" }, InferenceStand.Caller(), cancellationToken: Cancellation);
        var files = await call.ResponseStream.ReadAllAsync(Cancellation).ToDictionaryAsync(file => file.Name, cancellationToken: Cancellation);
        Assert.Equal("application/json", files["report.json"].MediaType);
        Assert.Equal("image/png", files["classes.png"].MediaType);
        return Encoding.UTF8.GetString(files["report.html"].Content.Span);
    }
}
