using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>What a run found about labels, on its way to a reviewer.</summary>
public sealed class LabelErrorItemTests(TestServers servers)
{
    private const string Nevus = "nevus";
    private const string Melanoma = "melanoma";

    private static readonly short MelanomaBits = DiagnosisSet.Of(Diagnosis.Melanoma).Bits;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, 86_400)]
    [InlineData(false, 1)]
    public async Task Should_ask_once_about_each_image_that_is_a_question_when_a_run_found_label_errors(bool announced, int sweepSeconds)
    {
        await using var host = await IngestionHost.StartAsync(
            servers, Cancellation, ("Ingestion__LabelErrors__SweepSeconds", sweepSeconds.ToString(CultureInfo.InvariantCulture)));
        var images = await DeliverAsync(host, 8);
        var torn = HostileFiles.Picture(50);
        await host.DeliverAsync("torn", [($"Train/{Nevus}/torn.jpg", torn), ($"Train/{Melanoma}/torn.jpg", torn)], Cancellation);
        images.Add(await ImageAsync(host, $"Train/{Nevus}/torn.jpg"));
        await SettleAsync(host, images[1], Nevus);
        await host.Reviews.ExcludeImagesAsync(
            new ExcludeImagesRequest { Selection = new ImageSelection { ImageIds = { images[2].ToString() } } }, cancellationToken: Cancellation);
        await host.Catalog.ForgetImagesAsync(new ForgetImagesRequest { ImageIds = { images[3].ToString() } }, cancellationToken: Cancellation);
        await host.ExecuteAsync(
            $"INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at) VALUES ('{images[4]}', {MelanomaBits}, 3, 'table', now())", Cancellation);
        await host.ExecuteAsync($"UPDATE images SET label = {MelanomaBits} WHERE id = '{images[4]}'", Cancellation);
        await host.ExecuteAsync($"DELETE FROM label_claims WHERE image_id = '{images[5]}'", Cancellation);

        var run = await FindAsync(host, [.. images.Select((image, i) => (image, 0.6 + (0.01 * i)))]);
        if (announced)
        {
            await AnnounceAsync(host, run, times: 2);
        }

        await WaitForAsync(host, 4);
        var second = await FindAsync(host, (images[0], 0.95));
        if (announced)
        {
            await AnnounceAsync(host, run, times: 1);
            await AnnounceAsync(host, second, times: 1);
        }

        await IngestionHost.WaitAsync(async () => (await ItemsAsync(host))[0].Score > 0.9, Cancellation);
        var items = await ItemsAsync(host);
        Assert.Equal([images[0], images[8], images[7], images[6]], items.Select(item => Guid.Parse(Assert.Single(item.Images).ImageId)));
        Assert.All(items, item =>
        {
            Assert.Equal((ReviewState.Open, Melanoma), (item.State, Assert.Single(item.Suggested)));
            Assert.StartsWith("A model trained on other lesions", item.Reason, StringComparison.Ordinal);
        });
        Assert.Equal(0.68, items[1].Score, 5);
    }

    [Fact]
    public async Task Should_not_ask_again_about_a_decided_lesion_but_about_one_whose_decision_was_taken_back_when_later_runs_find_it_too()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation, ("Ingestion__LabelErrors__SweepSeconds", "86400"));
        var images = await DeliverAsync(host, 3);
        await AnnounceAsync(host, await FindAsync(host, (images[0], 0.8), (images[1], 0.7)), times: 1);
        await WaitForAsync(host, 2);
        await SettleAsync(host, images[0], Nevus);
        var taken = await SettleAsync(host, images[1], Melanoma);
        await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = taken }, cancellationToken: Cancellation);

        await AnnounceAsync(host, await FindAsync(host, (images[0], 0.99), (images[1], 0.75), (images[2], 0.6)), times: 1);

        await IngestionHost.WaitAsync(async () => (await ItemsAsync(host)) is [_, { Score: > 0.59 }], Cancellation);
        var items = await ItemsAsync(host);
        Assert.Equal([images[1], images[2]], items.Select(item => Guid.Parse(Assert.Single(item.Images).ImageId)));
        Assert.Equal(0.75, items[0].Score, 5);
        Assert.Equal(3, await host.QueryAsync<long>("SELECT count(*) FROM review_items WHERE kind = 'labelerror'", Cancellation));
    }

    [Fact]
    public async Task Should_close_the_items_of_the_whole_lesion_when_another_picture_of_it_is_settled_and_open_them_when_that_is_undone()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation, ("Ingestion__LabelErrors__SweepSeconds", "86400"));
        var images = await DeliverAsync(host, 3);
        await host.DeliverAsync("lesion", [
            ($"Train/{Nevus}/ISIC_0000001.jpg", HostileFiles.Picture(100)), ($"Train/{Nevus}/ISIC_0000001_b.jpg", HostileFiles.Picture(101)),
        ], Cancellation);
        var (view, otherView) = (await ImageAsync(host, $"Train/{Nevus}/ISIC_0000001.jpg"), await ImageAsync(host, $"Train/{Nevus}/ISIC_0000001_b.jpg"));
        await AnnounceAsync(host, await FindAsync(host, (images[0], 0.9), (view, 0.8)), times: 1);
        await WaitForAsync(host, 2);

        var settled = await SettleAsync(host, otherView, Nevus);
        var left = await ItemsAsync(host);
        await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = settled }, cancellationToken: Cancellation);
        var again = await ItemsAsync(host);
        await SettleAsync(host, images[0], Melanoma);
        await host.Reviews.ExcludeImagesAsync(
            new ExcludeImagesRequest { Selection = new ImageSelection { ImageIds = { otherView.ToString() } } }, cancellationToken: Cancellation);

        Assert.Equal([images[0]], left.Select(item => Guid.Parse(Assert.Single(item.Images).ImageId)));
        Assert.Equal([images[0], view], again.Select(item => Guid.Parse(Assert.Single(item.Images).ImageId)));
        Assert.Equal([view], (await ItemsAsync(host)).Select(item => Guid.Parse(Assert.Single(item.Images).ImageId)));
    }

    private static async Task<List<Guid>> DeliverAsync(IngestionHost host, int count)
    {
        var paths = Enumerable.Range(0, count).Select(i => $"Train/{Nevus}/{i}.jpg").ToList();
        await host.DeliverAsync("nevi", paths.Select((path, i) => (path, HostileFiles.Picture(i))), Cancellation);
        await host.DeliverAsync("others", Enumerable.Range(10, 10).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/{i}.jpg", HostileFiles.Picture(i))), Cancellation);
        await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);
        var images = new List<Guid>();
        foreach (var path in paths)
            images.Add(await ImageAsync(host, path));
        return images;
    }

    private static Task<Guid> ImageAsync(IngestionHost host, string path) =>
        host.QueryAsync<Guid>($"SELECT image_id FROM delivery_files WHERE path = '{path}'", Cancellation);

    private static async Task<long> SettleAsync(IngestionHost host, Guid image, string diagnosis)
    {
        var request = new SettleImagesRequest { Selection = new ImageSelection { ImageIds = { image.ToString() } }, Diagnoses = { diagnosis } };
        return (await host.Reviews.SettleImagesAsync(request, cancellationToken: Cancellation)).Decision.DecisionId;
    }

    private static Task<Guid> FindAsync(IngestionHost host, params (Guid Image, double Score)[] findings) =>
        FoundByRuns.LabelErrorsAsync(host, Cancellation, findings);

    private static Task<int> AnnounceAsync(IngestionHost host, Guid run, int times) =>
        FoundByRuns.AnnounceAsync(host, "melanoma.label-errors-found.v1", run, times, Cancellation);

    private static Task WaitForAsync(IngestionHost host, int items) =>
        IngestionHost.WaitAsync(async () => (await ItemsAsync(host)).Count == items, Cancellation);

    private static async Task<IReadOnlyList<ReviewItem>> ItemsAsync(IngestionHost host) =>
        (await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest { Kind = ReviewKind.LabelError }, cancellationToken: Cancellation)).Items;
}
