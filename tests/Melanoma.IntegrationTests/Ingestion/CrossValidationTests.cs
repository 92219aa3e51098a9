using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Folds of lesions, and what is asked of them before a worker is.</summary>
public sealed class CrossValidationTests(TestServers servers)
{
    private const int Lesions = 24;
    private const int Views = 2;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_move_whole_lesions_and_draw_the_others_when_a_table_gives_folds()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await DeliverAsync(host);
        var drawn = await CreateAsync(host, new() { Folds = 3 });
        var foldOfFirst = await FoldAsync(host, drawn.DatasetId, Id(0, 0));
        var other = (foldOfFirst + 1) % 3;

        // One picture of the lesion is named, in the spelling of another tool; the row beside it is of nobody here.
        var chosen = await CreateAsync(
            host, new() { Folds = 3, FoldTable = { new FoldOfImage { IsicId = Id(0, 1).ToLowerInvariant(), Fold = other }, new FoldOfImage { IsicId = "ISIC_9999999", Fold = 2 } } });

        Assert.Equal((other, other), (await FoldAsync(host, chosen.DatasetId, Id(0, 0)), await FoldAsync(host, chosen.DatasetId, Id(0, 1))));
        for (var lesion = 1; lesion < Lesions; lesion++)
            Assert.Equal(await FoldAsync(host, drawn.DatasetId, Id(lesion, 0)), await FoldAsync(host, chosen.DatasetId, Id(lesion, 1)));
        Assert.Equal((Lesions * Views, Lesions, 0), (chosen.Folds.Sum(fold => fold.Images), chosen.Folds.Sum(fold => fold.Groups), chosen.GroupsInTwoSplits));
        Assert.NotEqual(drawn.ContentHash, chosen.ContentHash);
        Assert.Equal(drawn.DatasetId, (await CreateAsync(host, new() { Folds = 3 })).DatasetId);
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM lesion_groups WHERE split IS NOT NULL", Cancellation));
    }

    [Fact]
    public async Task Should_refuse_with_a_reason_when_folds_or_a_cross_validation_cannot_be()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await DeliverAsync(host);
        var (once, twice) = (new FoldOfImage { IsicId = Id(0, 0), Fold = 0 }, new FoldOfImage { IsicId = Id(0, 0), Fold = 1 });
        (CreateDatasetRequest Request, StatusCode Status, string Says)[] datasets =
        [
            (new() { Folds = 1 }, StatusCode.InvalidArgument, "from 2 to 20"),
            (new() { Folds = 21 }, StatusCode.InvalidArgument, "from 2 to 20"),
            (new() { Folds = 2, FoldTable = { new FoldOfImage { IsicId = Id(0, 0), Fold = 4 } } }, StatusCode.InvalidArgument, "from 5 to 20"),
            (new() { FoldTable = { once, twice } }, StatusCode.InvalidArgument, "the folds 0 and 1"),
            (new() { FoldTable = { new FoldOfImage { IsicId = Id(0, 0), Fold = -1 } } }, StatusCode.InvalidArgument, "counted from 0"),
            (new() { FoldTable = { new FoldOfImage { IsicId = "ISIC_9999999", Fold = 19 } }, Licences = { "CC0-1.0" } }, StatusCode.InvalidArgument, "licence"),
        ];
        foreach (var (request, status, says) in datasets)
            await AssertRefusedAsync(() => CreateAsync(host, request), status, says);
        await AssertRefusedAsync(
            () => host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Folds = 3 }, cancellationToken: Cancellation).ResponseAsync, StatusCode.InvalidArgument, "Only a cross-validation");

        var honest = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);
        (StartCrossValidationRequest Request, StatusCode Status, string Says)[] starts =
        [
            (new() { Recipe = "guesswork" }, StatusCode.InvalidArgument, "quick"),
            (new() { Recipe = "quick", Epochs = 0 }, StatusCode.InvalidArgument, "1 to 1000"),
            (new() { Recipe = "quick", DatasetId = 99 }, StatusCode.NotFound, "99"),
            (new() { Recipe = "quick", DatasetId = honest.DatasetId }, StatusCode.FailedPrecondition, "needs cross-validation"),
        ];
        foreach (var (request, status, says) in starts)
            await AssertRefusedAsync(() => StartAsync(host, request), status, says);
        await AssertRefusedAsync(
            () => host.Runs.StartRunAsync(new StartRunRequest { Recipe = "quick", Protocol = Protocol.CrossValidation }, cancellationToken: Cancellation).ResponseAsync,
            StatusCode.InvalidArgument, "StartCrossValidation");
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM runs", Cancellation));
    }

    [Fact]
    public async Task Should_have_a_run_for_each_fold_and_end_them_all_when_it_is_cancelled()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await DeliverAsync(host);
        var dataset = await CreateAsync(host, new() { Folds = 3 });

        var started = await StartAsync(host, new() { Recipe = "quick", DatasetId = dataset.DatasetId, Epochs = 2, Seed = 7 });

        Assert.Equal([0, 1, 2], started.Folds.Select(run => run.Fold));
        Assert.All(started.Folds, run => Assert.Equal((Protocol.CrossValidation, 2, 7, started.CrossValidationId), (run.Protocol, run.Epochs, run.Seed, run.CrossValidationId)));
        var shown = await host.Runs.GetRunAsync(new GetRunRequest { RunId = started.Folds[1].RunId }, cancellationToken: Cancellation);
        Assert.Equal((Lesions * Views) - dataset.Folds[1].Images, shown.Augmentation.ClassesBefore.Sum(item => item.Count));

        var cancelled = await CancelAsync();
        Assert.All(cancelled.Folds, run => Assert.Equal(RunState.Cancelled, run.State));
        Assert.Null(cancelled.Figures);
        await AssertRefusedAsync(CancelAsync, StatusCode.FailedPrecondition, "ended already");
        Assert.Equal([started.CrossValidationId], (await host.CrossValidations.ListCrossValidationsAsync(new(), cancellationToken: Cancellation)).CrossValidations.Select(item => item.CrossValidationId));

        Task<CrossValidation> CancelAsync() =>
            host.CrossValidations.CancelCrossValidationAsync(new() { CrossValidationId = started.CrossValidationId }, cancellationToken: Cancellation).ResponseAsync;
    }

    // Each lesion has two pictures, which only the table says are of one.
    private static async Task DeliverAsync(IngestionHost host)
    {
        var pictures = from lesion in Enumerable.Range(0, Lesions)
                       from view in Enumerable.Range(0, Views)
                       select ($"Train/{Diagnoses.Names[lesion % 2]}/{Id(lesion, view)}.jpg", HostileFiles.Picture((lesion * Views) + view));
        var rows = from lesion in Enumerable.Range(0, Lesions) from view in Enumerable.Range(0, Views) select $"{Id(lesion, view)},{Diagnoses.Names[lesion % 2]},L{lesion}\n";
        await host.DeliverAsync("lesions", [.. pictures, ("labels.csv", [.. System.Text.Encoding.UTF8.GetBytes("isic_id,diagnosis,lesion_id\n" + string.Concat(rows))])], Cancellation);
    }

    private static string Id(int lesion, int view) => $"ISIC_{(lesion * Views) + view:0000000}";

    private static async Task<Dataset> CreateAsync(IngestionHost host, CreateDatasetRequest request)
    {
        request.Kind = DatasetKind.CrossValidation;
        return await host.Datasets.CreateDatasetAsync(request, cancellationToken: Cancellation);
    }

    private static async Task<CrossValidation> StartAsync(IngestionHost host, StartCrossValidationRequest request) =>
        await host.CrossValidations.StartCrossValidationAsync(request, cancellationToken: Cancellation);

    private static Task<int> FoldAsync(IngestionHost host, int dataset, string isicId) => host.QueryAsync<int>(
        $"""
        SELECT fold FROM dataset_groups JOIN dataset_items USING (dataset_id, group_id) JOIN image_isic_ids USING (image_id)
        WHERE dataset_id = {dataset} AND isic_id = '{isicId}'
        """, Cancellation);

    private static async Task AssertRefusedAsync<T>(Func<Task<T>> call, StatusCode status, string says)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(status, refusal.StatusCode);
        Assert.Contains(says, refusal.Status.Detail, StringComparison.Ordinal);
    }
}
