using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Pictures that a run found likely to show one lesion, on their way to a reviewer, and what the reviewer's answer does.</summary>
public sealed class LesionViewItemTests(TestServers servers)
{
    private const int Lesions = 90;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, 86_400)]
    [InlineData(false, 1)]
    public async Task Should_hold_both_in_one_split_of_the_next_dataset_when_a_reviewer_confirms_that_they_show_one_lesion(bool announced, int sweepSeconds)
    {
        await using var host = await StartAsync(sweepSeconds);
        var before = await CreateAsync(host);
        var (train, validation) = await PairAsync(host, "train", "validation", sameLabel: true);
        var (other, another) = await PairAsync(host, "test", "test", sameLabel: true);
        var run = await FoundByRuns.LesionViewsAsync(host, Cancellation, (train, validation, 21));
        if (announced)
            await AnnounceAsync(host, run, times: 2);
        await WaitForAsync(host, 1);
        var second = await FoundByRuns.LesionViewsAsync(host, Cancellation, (validation, train, 21), (other, another, 9));
        if (announced)
            await AnnounceAsync(host, second, times: 1);
        await WaitForAsync(host, 2);

        var item = await host.Reviews.GetNextReviewItemAsync(new GetNextReviewItemRequest { Kind = ReviewKind.LesionViews }, cancellationToken: Cancellation);
        var preview = await ConfirmAsync(host, item, preview: true);
        var unchanged = await ItemsAsync(host);
        var outcome = await ConfirmAsync(host, item);
        var after = await CreateAsync(host);
        var flagged = await host.Datasets.GetDatasetAsync(new GetDatasetRequest { DatasetId = before.DatasetId }, cancellationToken: Cancellation);
        var undoing = await RefusesAsync(StatusCode.FailedPrecondition, () => host.Reviews.UndoDecisionAsync(
            new UndoDecisionRequest { DecisionId = outcome.Decision.DecisionId }));

        Assert.Equal((ReviewState.Open, 21.0, 1), (item.State, item.Score, item.Waiting));
        Assert.Equal("21 places of one picture are found in the other by one shift, turn and zoom.", item.Reason);
        Assert.Equal(new[] { train, validation }.Order(), item.Images.Select(image => Guid.Parse(image.ImageId)).Order());
        Assert.Equal(item.Images.Select(image => image.ImageId), item.Claims.Select(claim => claim.ImageId));
        Assert.Equal((null, "test"), (preview.Decision, preview.JoinedSplit));
        Assert.Equal([before.DatasetId], preview.DividedDatasets);
        Assert.Equal(2, unchanged.Count);
        Assert.Equal((2, 1, 0, 1, "test"), (outcome.Images, outcome.ClosedItems, outcome.ReopenedItems, outcome.OpenItems, outcome.JoinedSplit));
        Assert.Equal((before.Images, before.Groups - 1, 0), (after.Images, after.Groups, after.GroupsInTwoSplits));
        Assert.Equal("test test", await host.QueryAsync<string>($"""
            SELECT string_agg(split, ' ') FROM dataset_items WHERE dataset_id = {after.DatasetId} AND image_id IN ('{train}', '{validation}')
            """, Cancellation));
        Assert.Equal(1, flagged.GroupsInTwoSplits);
        Assert.Contains("for ever", undoing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_not_ask_about_two_lesions_again_when_they_were_called_different_until_that_is_undone()
    {
        await using var host = await StartAsync(86_400);
        await host.DeliverAsync("two views", [($"Train/{Diagnoses.Names[0]}/ISIC_{0:0000000}_2.jpg", HostileFiles.Picture(900))], Cancellation);
        await CreateAsync(host);
        var images = await ImagesAsync(host);
        var (first, other) = (images[0], images[3]);
        var second = await host.QueryAsync<Guid>("SELECT image_id FROM delivery_files WHERE path ~ '_2\\.jpg$'", Cancellation);

        // Two pictures of one lesion, and a third of perhaps the same: one question, by the surest pair.
        await AnnounceAsync(host, await FoundByRuns.LesionViewsAsync(host, Cancellation, (first, other, 8), (second, other, 12)), times: 1);
        await WaitForAsync(host, 1);
        var item = Assert.Single(await ItemsAsync(host));
        var rejected = await host.Reviews.RejectLesionViewsAsync(new RejectLesionViewsRequest { ItemId = item.ItemId, Comment = "Another arm." }, cancellationToken: Cancellation);
        await AnnounceAsync(
            host, await FoundByRuns.LesionViewsAsync(host, Cancellation, (first, other, 8), (second, other, 12), (images[10], images[20], 30)), times: 1);
        await WaitForAsync(host, 1);
        var others = await ItemsAsync(host);
        var again = await RefusesAsync(StatusCode.FailedPrecondition, () => host.Reviews.ConfirmLesionViewsAsync(new ConfirmLesionViewsRequest { ItemId = item.ItemId }));
        var undone = await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = rejected.Decision.DecisionId }, cancellationToken: Cancellation);

        Assert.Equal(12, item.Score);
        Assert.Equal(("reject", 2, 1, 0), (rejected.Decision.Action, rejected.Images, rejected.ClosedItems, rejected.OpenItems));
        Assert.Equal(30, Assert.Single(others).Score);
        Assert.Contains("closed already", again, StringComparison.Ordinal);
        Assert.Equal((1, 2), (undone.ReopenedItems, undone.OpenItems));
        Assert.Equal([others[0].ItemId, item.ItemId], (await ItemsAsync(host)).Select(open => open.ItemId));
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM lesion_groups WHERE merged_into_id IS NOT NULL", Cancellation));
    }

    [Fact]
    public async Task Should_resolve_the_claims_together_and_ask_the_rest_once_when_lesions_are_joined()
    {
        await using var host = await StartAsync(86_400);
        await CreateAsync(host);
        var images = await ImagesAsync(host);
        var (melanoma, nevus, third) = (images[3], images[4], images[5]);
        await AnnounceAsync(
            host, await FoundByRuns.LesionViewsAsync(host, Cancellation, (melanoma, nevus, 30), (melanoma, third, 9), (nevus, third, 10)), times: 1);
        await WaitForAsync(host, 3);

        var outcome = await ConfirmAsync(host, (await ItemsAsync(host))[0]);
        var left = Assert.Single(await ItemsAsync(host));
        var conflict = await host.Reviews.GetNextReviewItemAsync(new GetNextReviewItemRequest(), cancellationToken: Cancellation);
        var parked = await CreateAsync(host);
        await host.Reviews.SettleImagesAsync(
            new SettleImagesRequest { Selection = new ImageSelection { ItemIds = { conflict.ItemId } }, Diagnoses = { "melanoma" } }, cancellationToken: Cancellation);
        var rejected = await host.Reviews.RejectLesionViewsAsync(new RejectLesionViewsRequest { ItemId = left.ItemId }, cancellationToken: Cancellation);

        Assert.Equal((2, 1), (outcome.ClosedItems, outcome.ReopenedItems));
        Assert.Equal(10, left.Score);
        Assert.Equal((ReviewKind.Conflict, 2), (conflict.Kind, conflict.Images.Count));
        Assert.Equal((Lesions - 2, 2), (parked.Images, parked.Parked));
        Assert.Equal(8, await host.QueryAsync<short>($"SELECT label FROM images WHERE id = '{nevus}'", Cancellation));
        Assert.Equal(0, rejected.OpenItems);
    }

    [Fact]
    public async Task Should_be_no_question_while_a_picture_is_excluded_or_once_something_else_joined_or_removed_it()
    {
        await using var host = await StartAsync(86_400);
        await CreateAsync(host);
        var images = await ImagesAsync(host);
        await AnnounceAsync(host, await FoundByRuns.LesionViewsAsync(
            host, Cancellation, (images[0], images[9], 40), (images[1], images[10], 30), (images[2], images[11], 20), (images[3], images[12], 10)), times: 1);
        await WaitForAsync(host, 4);
        var items = await ItemsAsync(host);

        var excluded = await host.Reviews.ExcludeImagesAsync(
            new ExcludeImagesRequest { Selection = new ImageSelection { ImageIds = { items[0].Images[1].ImageId } } }, cancellationToken: Cancellation);
        var included = await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = excluded.Decision.DecisionId }, cancellationToken: Cancellation);
        await host.Catalog.ForgetImagesAsync(new ForgetImagesRequest { ImageIds = { items[1].Images[1].ImageId } }, cancellationToken: Cancellation);
        var table = CsvTable.Write("isic_id,diagnosis,lesion_id", [$"{IsicId(2)},,L1", $"{IsicId(11)},,L1"]);
        await host.DeliverAsync("lesions", [("labels.csv", table)], Cancellation);
        var late = await RefusesAsync(StatusCode.FailedPrecondition, () => host.Reviews.ConfirmLesionViewsAsync(new ConfirmLesionViewsRequest { ItemId = items[2].ItemId }));
        var deferred = await host.Reviews.DeferReviewItemsAsync(new DeferReviewItemsRequest { ItemIds = { items[0].ItemId } }, cancellationToken: Cancellation);
        var behind = await ItemsAsync(host);
        await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = deferred.Decision.DecisionId }, cancellationToken: Cancellation);

        Assert.Equal([40.0, 30, 20, 10], items.Select(item => item.Score));
        Assert.Equal((1, 3), (excluded.ClosedItems, excluded.OpenItems));
        Assert.Equal((1, 4), (included.ReopenedItems, included.OpenItems));
        Assert.Contains("closed already", late, StringComparison.Ordinal);
        Assert.Equal((2, 0), (deferred.Images, deferred.ClosedItems));
        Assert.Equal([items[3].ItemId, items[0].ItemId], behind.Where(item => item.ItemId != items[2].ItemId).Select(item => item.ItemId));
        Assert.Equal(items[0].ItemId, (await ItemsAsync(host))[0].ItemId);
    }

    [Fact]
    public async Task Should_say_what_to_do_when_an_item_asks_something_else()
    {
        await using var host = await StartAsync(86_400);
        await CreateAsync(host);
        var images = await ImagesAsync(host);
        var torn = HostileFiles.Picture(500);
        await host.DeliverAsync("torn", [($"Train/{Diagnoses.Names[0]}/torn.jpg", torn), ($"Train/{Diagnoses.Names[1]}/torn.jpg", torn)], Cancellation);
        await AnnounceAsync(host, await FoundByRuns.LesionViewsAsync(host, Cancellation, (images[3], images[12], 9)), times: 1);
        await WaitForAsync(host, 1);
        var pair = (await ItemsAsync(host))[0].ItemId;
        var conflict = (await host.Reviews.GetNextReviewItemAsync(new GetNextReviewItemRequest(), cancellationToken: Cancellation)).ItemId;
        var settle = new SettleImagesRequest { Selection = new ImageSelection { ItemIds = { pair } }, Diagnoses = { "melanoma" } };

        Assert.Contains("confirm, reject or defer", await RefusesAsync(StatusCode.InvalidArgument, () => host.Reviews.SettleImagesAsync(settle)), StringComparison.Ordinal);
        Assert.Contains("Settle it", await RefusesAsync(
            StatusCode.InvalidArgument, () => host.Reviews.RejectLesionViewsAsync(new RejectLesionViewsRequest { ItemId = conflict })), StringComparison.Ordinal);
        Assert.Contains("ListReviewItems", await RefusesAsync(
            StatusCode.NotFound, () => host.Reviews.ConfirmLesionViewsAsync(new ConfirmLesionViewsRequest { ItemId = Guid.CreateVersion7().ToString() })), StringComparison.Ordinal);
    }

    private async Task<IngestionHost> StartAsync(int sweepSeconds)
    {
        var host = await IngestionHost.StartAsync(
            servers, Cancellation, ("Ingestion__LesionViews__SweepSeconds", sweepSeconds.ToString(CultureInfo.InvariantCulture)));
        await host.DeliverAsync(
            "lesions", Enumerable.Range(0, Lesions).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/{IsicId(i)}.jpg", HostileFiles.Picture(i))), Cancellation);
        return host;
    }

    private static string IsicId(int lesion) => $"ISIC_{lesion:0000000}";

    /// <summary>The images of the first delivery, in the order of the lesions.</summary>
    private static Task<Guid[]> ImagesAsync(IngestionHost host) =>
        host.QueryAsync<Guid[]>("SELECT array_agg(image_id ORDER BY right(path, 11)) FROM delivery_files WHERE path ~ 'ISIC_[0-9]{7}\\.jpg$'", Cancellation);

    private static async Task<Dataset> CreateAsync(IngestionHost host) =>
        await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);

    private static async Task<(Guid First, Guid Second)> PairAsync(IngestionHost host, string firstSplit, string secondSplit, bool sameLabel)
    {
        var pair = await host.QueryAsync<Guid[]>($"""
            SELECT ARRAY[a.image_id, b.image_id] FROM dataset_items AS a JOIN dataset_items AS b ON b.image_id > a.image_id AND (a.label = b.label) = {sameLabel}
            WHERE a.split = '{firstSplit}' AND b.split = '{secondSplit}' ORDER BY a.ordinal, b.ordinal LIMIT 1
            """, Cancellation);
        return (pair[0], pair[1]);
    }

    private static Task<int> AnnounceAsync(IngestionHost host, Guid run, int times) =>
        FoundByRuns.AnnounceAsync(host, "melanoma.lesion-views-found.v1", run, times, Cancellation);

    private static Task WaitForAsync(IngestionHost host, int items) =>
        IngestionHost.WaitAsync(async () => (await ItemsAsync(host)).Count == items, Cancellation);

    private static async Task<IReadOnlyList<ReviewItem>> ItemsAsync(IngestionHost host) =>
        (await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest { Kind = ReviewKind.LesionViews }, cancellationToken: Cancellation)).Items;

    private static async Task<ReviewOutcome> ConfirmAsync(IngestionHost host, ReviewItem item, bool preview = false) => await host.Reviews.ConfirmLesionViewsAsync(
        new ConfirmLesionViewsRequest { ItemId = item.ItemId, Preview = preview }, cancellationToken: Cancellation);

    private static async Task<string> RefusesAsync(StatusCode code, Func<AsyncUnaryCall<ReviewOutcome>> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await call());
        Assert.Equal(code, refusal.StatusCode);
        return refusal.Status.Detail;
    }
}
