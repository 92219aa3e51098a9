using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class ReviewTests(TestServers servers)
{
    private const string Melanoma = "melanoma";
    private const string Keratosis = "seborrheic keratosis";
    private const string Nevus = "nevus";

    private static readonly IEnumerable<(string Path, byte[] Bytes)> Settled =
        Enumerable.Range(0, 60).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/base{i}.jpg", HostileFiles.Picture(i)));

    [Fact]
    public async Task Should_take_a_whole_run_of_conflicts_into_the_dataset_when_one_decision_settles_it_and_leave_them_out_again_when_it_is_undone()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("copies", [.. Settled, .. Copies(100, 12, Melanoma, Keratosis), .. Copies(200, 3, Melanoma, Nevus)], cancellation);
        var before = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var run = new SettleImagesRequest
        {
            Selection = new ImageSelection { ConflictBetween = { Keratosis, Melanoma } },
            Diagnoses = { Melanoma },
            Preview = true,
        };

        var queue = await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest(), cancellationToken: cancellation);
        var preview = await host.Reviews.SettleImagesAsync(run, cancellationToken: cancellation);
        var unchanged = await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest(), cancellationToken: cancellation);
        run.Preview = false;
        var outcome = await host.Reviews.SettleImagesAsync(run, cancellationToken: cancellation);
        var after = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var undone = await host.Reviews.UndoDecisionAsync(
            new UndoDecisionRequest { DecisionId = outcome.Decision.DecisionId }, cancellationToken: cancellation);
        var restored = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);

        Assert.Equal((60, 15), (before.Images, before.Parked));
        Assert.Equal(15, queue.Items.Count);
        Assert.All(queue.Items, item =>
        {
            Assert.Equal((ReviewKind.Conflict, ReviewState.Open, LabelState.Conflict), (item.Kind, item.State, Assert.Single(item.Images).LabelState));
            Assert.Equal(["folder", "folder"], item.Claims.Select(claim => claim.Rank));
            Assert.Contains(Melanoma, item.Claims.SelectMany(claim => claim.Diagnoses));
        });
        Assert.Equal((null, 12, 12, 0, 3), (preview.Decision, preview.Images, preview.ClosedItems, preview.ReopenedItems, preview.OpenItems));
        Assert.Equal(queue, unchanged);
        Assert.Equal((12, 12, 0, 3), (outcome.Images, outcome.ClosedItems, outcome.ReopenedItems, outcome.OpenItems));
        Assert.Equal((72, 3), (after.Images, after.Parked));
        Assert.Equal(CountOf(before, Melanoma) + 12, CountOf(after, Melanoma));
        Assert.Equal((12, 0, 12, 15), (undone.Images, undone.ClosedItems, undone.ReopenedItems, undone.OpenItems));
        Assert.Equal(before.ContentHash, restored.ContentHash);
        Assert.Equal(before.DatasetId, restored.DatasetId);
    }

    [Fact]
    public async Task Should_decide_for_the_whole_lesion_when_one_of_its_images_is_settled()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("lesion", [
            ($"Train/{Melanoma}/ISIC_0000001.jpg", HostileFiles.Picture(1)), ($"Train/{Nevus}/ISIC_0000001_b.jpg", HostileFiles.Picture(2)),
        ], cancellation);

        var item = await host.Reviews.GetNextReviewItemAsync(new GetNextReviewItemRequest(), cancellationToken: cancellation);
        var outcome = await host.Reviews.SettleImagesAsync(Settle(Nevus, item.Images[0].ImageId), Caller("ada"), cancellationToken: cancellation);
        var closed = await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest { State = ReviewState.Closed }, cancellationToken: cancellation);

        Assert.Equal((2, 0), (item.Images.Count, item.Waiting));
        Assert.Equal((1, 1, 0), (outcome.Images, outcome.ClosedItems, outcome.OpenItems));
        Assert.Equal(item.ItemId, Assert.Single(closed.Items).ItemId);
        Assert.All(closed.Items[0].Images, image => Assert.Equal((LabelState.Settled, Nevus), (image.LabelState, Assert.Single(image.Label))));
        Assert.Equal(("reviewer", "ada"), (closed.Items[0].Claims[0].Rank, closed.Items[0].Claims[0].ClaimedBy));
        await RefusesAsync(StatusCode.NotFound, "nothing to review", () => host.Reviews.GetNextReviewItemAsync(new GetNextReviewItemRequest()));
    }

    [Fact]
    public async Task Should_come_after_all_open_items_when_it_is_put_off()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("copies", [.. Settled.Take(2), .. Copies(100, 3, Melanoma, Nevus)], cancellation);
        await OpenLabelErrorsAsync(host, "label_state = 'settled'", cancellation);

        var first = await QueueAsync();
        var deferred = await host.Reviews.DeferReviewItemsAsync(
            new DeferReviewItemsRequest { ItemIds = { first[0].ItemId, first[3].ItemId }, Comment = "Ask a colleague." }, cancellationToken: cancellation);
        var later = await QueueAsync();
        var next = await host.Reviews.GetNextReviewItemAsync(new GetNextReviewItemRequest(), cancellationToken: cancellation);
        var nextError = await host.Reviews.GetNextReviewItemAsync(
            new GetNextReviewItemRequest { Kind = ReviewKind.LabelError }, cancellationToken: cancellation);
        await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = deferred.Decision.DecisionId }, cancellationToken: cancellation);
        var restored = await QueueAsync();

        Assert.Equal(
            [ReviewKind.Conflict, ReviewKind.Conflict, ReviewKind.Conflict, ReviewKind.LabelError, ReviewKind.LabelError], first.Select(item => item.Kind));
        Assert.True(first[3].Score > first[4].Score);
        Assert.Equal((2, 0, 3), (deferred.Images, deferred.ClosedItems, deferred.OpenItems));
        Assert.Equal([first[1].ItemId, first[2].ItemId, first[4].ItemId, first[0].ItemId, first[3].ItemId], later.Select(item => item.ItemId));
        Assert.Equal((first[1].ItemId, 2), (next.ItemId, next.Waiting));
        Assert.Equal((first[4].ItemId, Nevus), (nextError.ItemId, Assert.Single(nextError.Suggested)));
        Assert.Equal(first, restored);

        async Task<List<ReviewItem>> QueueAsync()
        {
            var items = new List<ReviewItem>();
            var request = new ListReviewItemsRequest { PageSize = 2 };
            do
            {
                var page = await host.Reviews.ListReviewItemsAsync(request, cancellationToken: cancellation);
                items.AddRange(page.Items);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            return items;
        }
    }

    [Fact]
    public async Task Should_leave_images_out_of_later_datasets_when_they_are_excluded_and_say_who_decided()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("settled", Settled, cancellation);
        await OpenLabelErrorsAsync(host, "label = 16", cancellation);
        var before = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var errors = await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest(), cancellationToken: cancellation);
        var image = errors.Items[0].Images[0].ImageId;

        var excluded = await host.Reviews.ExcludeImagesAsync(
            new ExcludeImagesRequest { Selection = new ImageSelection { ItemIds = { errors.Items[0].ItemId } }, Comment = "A ruler." },
            Caller("ada"), cancellationToken: cancellation);
        var without = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var settled = await host.Reviews.SettleImagesAsync(
            new SettleImagesRequest { Selection = new ImageSelection { Folder = Nevus }, Diagnoses = { Nevus } },
            Caller("bob"), cancellationToken: cancellation);
        var undoneSettling = await host.Reviews.UndoDecisionAsync(
            new UndoDecisionRequest { DecisionId = settled.Decision.DecisionId }, Caller("ada"), cancellationToken: cancellation);
        var undoneExcluding = await host.Reviews.UndoDecisionAsync(
            new UndoDecisionRequest { DecisionId = excluded.Decision.DecisionId }, Caller("ada"), cancellationToken: cancellation);
        var restored = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var open = await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest(), cancellationToken: cancellation);
        var log = (await host.Reviews.ListDecisionsAsync(new ListDecisionsRequest { PageSize = 2 }, cancellationToken: cancellation)).Decisions.ToList();
        log.AddRange((await host.Reviews.ListDecisionsAsync(
            new ListDecisionsRequest { BeforeDecisionId = log[^1].DecisionId }, cancellationToken: cancellation)).Decisions);
        var ofImage = await host.Reviews.ListDecisionsAsync(new ListDecisionsRequest { ImageId = image }, cancellationToken: cancellation);

        var nevi = CountOf(before, Nevus);
        Assert.Equal((1, 1, nevi - 1), (excluded.Images, excluded.ClosedItems, excluded.OpenItems));
        Assert.Equal((before.Images - 1, nevi - 1), (without.Images, CountOf(without, Nevus)));
        Assert.Equal((nevi - 1, nevi - 1, 0), (settled.Images, settled.ClosedItems, settled.OpenItems));
        Assert.Equal((nevi - 1, 1), (undoneSettling.ReopenedItems, undoneExcluding.ReopenedItems));
        Assert.Equal(before.ContentHash, restored.ContentHash);
        Assert.Equal(errors, open);
        Assert.Equal(
            [("undo", "ada", ""), ("undo", "ada", ""), ("settle", "bob", ""), ("exclude", "ada", "A ruler.")],
            log.Select(decision => (decision.Action, decision.DecidedBy, decision.Comment)));
        Assert.Equal([log[3].DecisionId, log[2].DecisionId], log.Take(2).Select(decision => decision.UndoesDecisionId));
        Assert.Equal([log[1].DecisionId, log[0].DecisionId], log.Skip(2).Select(decision => decision.UndoneByDecisionId));
        Assert.Equal([log[0], log[3]], ofImage.Decisions);
    }

    [Fact]
    public async Task Should_be_about_the_images_that_meet_every_condition_when_several_are_given()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("first", Enumerable.Range(0, 20).Select(Numbered), cancellation);
        var second = await host.DeliverAsync("second", Enumerable.Range(10, 20).Select(Numbered), cancellation);
        var range = new ImageSelection { FirstIsicId = "ISIC_0000009", LastIsicId = "ISIC_0000014", Folder = Nevus };

        Assert.Equal(15, await PreviewAsync(new ImageSelection { Folder = Melanoma }));
        Assert.Equal(20, await PreviewAsync(new ImageSelection { DeliveryId = second.DeliveryId }));
        Assert.Equal(10, await PreviewAsync(new ImageSelection { Folder = Melanoma, DeliveryId = second.DeliveryId }));
        Assert.Equal(6, await PreviewAsync(new ImageSelection { FirstIsicId = "isic_0000024" }));
        Assert.Equal(3, await PreviewAsync(range));
        Assert.Equal(2, await PreviewAsync(new ImageSelection(range) { DeliveryId = second.DeliveryId }));

        static (string Path, byte[] Bytes) Numbered(int i) => ($"Train/{(i % 2 == 0 ? Melanoma : Nevus)}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i));

        async Task<int> PreviewAsync(ImageSelection selection) => (await host.Reviews.ExcludeImagesAsync(
            new ExcludeImagesRequest { Selection = selection, Preview = true }, cancellationToken: cancellation)).Images;
    }

    [Fact]
    public async Task Should_count_one_decision_for_each_item_when_two_reviewers_decide_at_once()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("copies", Copies(100, 20, Melanoma, Nevus), cancellation);
        var queue = await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest(), cancellationToken: cancellation);

        var answers = await Task.WhenAll(DecideAsync("ada", Melanoma, queue.Items), DecideAsync("bob", Nevus, queue.Items.Reverse()));

        var log = await host.Reviews.ListDecisionsAsync(new ListDecisionsRequest(), cancellationToken: cancellation);
        Assert.Equal(20, answers.Sum());
        Assert.Equal((answers[0], answers[1]), (DecisionsOf("ada"), DecisionsOf("bob")));
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM images WHERE label_state <> 'settled'", cancellation));
        Assert.Equal(answers[0], await host.QueryAsync<long>("SELECT count(*) FROM images WHERE label = 8", cancellation));

        int DecisionsOf(string name) => log.Decisions.Count(decision => decision.DecidedBy == name);

        async Task<int> DecideAsync(string name, string diagnosis, IEnumerable<ReviewItem> items)
        {
            var decided = 0;
            foreach (var item in items)
            {
                try
                {
                    await host.Reviews.SettleImagesAsync(
                        new SettleImagesRequest { Selection = new ImageSelection { ItemIds = { item.ItemId } }, Diagnoses = { diagnosis } },
                        Caller(name), cancellationToken: cancellation);
                    decided++;
                }
                catch (RpcException refusal) when (refusal.StatusCode == StatusCode.FailedPrecondition)
                {
                    // The other one was faster.
                }
            }

            return decided;
        }
    }

    [Fact]
    public async Task Should_say_what_to_do_when_a_request_is_refused()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("one", Settled.Take(1), cancellation);
        var image = await host.QueryAsync<Guid>("SELECT id FROM images", cancellation);
        var decided = (await host.Reviews.SettleImagesAsync(Settle(Melanoma, image.ToString()), cancellationToken: cancellation)).Decision.DecisionId;
        var undoing = (await UndoAsync(decided)).Decision.DecisionId;
        var nobody = Guid.CreateVersion7().ToString();

        await RefusesAsync(StatusCode.InvalidArgument, "empty", () => host.Reviews.ExcludeImagesAsync(new ExcludeImagesRequest()));
        await RefusesAsync(StatusCode.InvalidArgument, "Choose from", () => host.Reviews.SettleImagesAsync(Settle("unicorn", image.ToString())));
        await RefusesAsync(StatusCode.InvalidArgument, "Choose from", () => host.Reviews.SettleImagesAsync(
            new SettleImagesRequest { Selection = new ImageSelection { ImageIds = { image.ToString() } } }));
        await RefusesAsync(StatusCode.InvalidArgument, "ListImages", () => host.Reviews.SettleImagesAsync(Settle(Melanoma, "1")));
        await RefusesAsync(StatusCode.InvalidArgument, "Shorten", () => ExcludeAsync(new ImageSelection { Folder = Nevus }, new string('x', 2001)));
        await RefusesAsync(StatusCode.InvalidArgument, "one line", () => ExcludeAsync(new ImageSelection { Folder = Nevus }, "a\nb"));
        await RefusesAsync(StatusCode.InvalidArgument, "in parts", () => ExcludeAsync(
            new ImageSelection { ImageIds = { Enumerable.Repeat(nobody, 100_001) } }));
        await RefusesAsync(StatusCode.InvalidArgument, "page_size", () => host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest { PageSize = 1001 }));
        await RefusesAsync(StatusCode.InvalidArgument, "page_size", () => host.Reviews.ListDecisionsAsync(new ListDecisionsRequest { PageSize = -1 }));
        await RefusesAsync(StatusCode.InvalidArgument, "page_token", () => host.Reviews.ListReviewItemsAsync(
            new ListReviewItemsRequest { PageToken = "MSAy" }));
        await RefusesAsync(StatusCode.InvalidArgument, "item_ids", () => host.Reviews.DeferReviewItemsAsync(new DeferReviewItemsRequest()));
        await RefusesAsync(StatusCode.NotFound, nobody, () => host.Reviews.SettleImagesAsync(Settle(Melanoma, image.ToString(), nobody)));
        await RefusesAsync(StatusCode.NotFound, nobody, () => host.Reviews.DeferReviewItemsAsync(new DeferReviewItemsRequest { ItemIds = { nobody } }));
        await RefusesAsync(StatusCode.NotFound, nobody, () => ExcludeAsync(new ImageSelection { DeliveryId = nobody }));
        await RefusesAsync(StatusCode.NotFound, "No image", () => ExcludeAsync(new ImageSelection { Folder = "vascular lesion" }));
        await RefusesAsync(StatusCode.NotFound, "ListDecisions", () => UndoAsync(999));
        await RefusesAsync(StatusCode.FailedPrecondition, "undone already", () => UndoAsync(decided));
        await RefusesAsync(StatusCode.FailedPrecondition, "Decide anew", () => UndoAsync(undoing));

        AsyncUnaryCall<ReviewOutcome> ExcludeAsync(ImageSelection selection, string comment = "") =>
            host.Reviews.ExcludeImagesAsync(new ExcludeImagesRequest { Selection = selection, Comment = comment });

        AsyncUnaryCall<ReviewOutcome> UndoAsync(long decision) => host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = decision });
    }

    private static IEnumerable<(string Path, byte[] Bytes)> Copies(int seed, int count, params string[] classes) =>
        Enumerable.Range(seed, count).SelectMany(i => classes.Select(name => ($"Train/{name}/copy{i}.jpg", HostileFiles.Picture(i))));

    private static SettleImagesRequest Settle(string diagnosis, params string[] images) =>
        new() { Selection = new ImageSelection { ImageIds = { images } }, Diagnoses = { diagnosis } };

    private static Metadata Caller(string name) => PlayedGateway.Caller(name);

    private static int CountOf(Dataset dataset, string diagnosis) =>
        dataset.Splits.Sum(split => split.Classes.Single(row => row.Diagnosis == diagnosis).Count);

    /// <summary>Opens an item for each image, as a search for label errors would: the later an image came, the less urgent.</summary>
    private static Task<int> OpenLabelErrorsAsync(IngestionHost host, string condition, CancellationToken cancellationToken) => host.ExecuteAsync($"""
        INSERT INTO review_items (id, kind, group_id, image_id, state, opened_at, score, suggested, reason)
        SELECT gen_random_uuid(), 'labelerror', group_id, id, 'open', now(), 1.0 / (number + 1), 16, 'The model sees it differently.'
        FROM images WHERE {condition}
        """, cancellationToken);

    private static async Task RefusesAsync<T>(StatusCode code, string words, Func<AsyncUnaryCall<T>> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await call());
        Assert.Equal(code, refusal.StatusCode);
        Assert.Contains(words, refusal.Status.Detail, StringComparison.Ordinal);
        Assert.EndsWith(".", refusal.Status.Detail, StringComparison.Ordinal);
    }
}
