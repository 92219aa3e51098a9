using System.Globalization;
using System.Net.Http.Json;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Split = Melanoma.Storage.Datasets.Split;

namespace Melanoma.IntegrationTests.Inference;

public sealed class ModelComparisonTests(TestServers servers)
{
    private static readonly TestModel Right = TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion);
    private static readonly TestModel HalfRight = TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Melanoma, Diagnosis.VascularLesion);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_say_which_is_better_on_what_neither_has_seen_and_what_was_left_out()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(2, Pictures(36));
        var right = await stand.RegisterAsync(Right.Build(), trainedOn: await HashesAsync(stand, dataset, 0, 1));
        var half = await stand.RegisterAsync(HalfRight.Build(), trainedOn: await HashesAsync(stand, dataset, 1, 2, 3));
        await SqlAsync(stand, $"UPDATE images SET forgotten_at = now() WHERE {Ordinals(dataset, 4, 5)}");
        var bkl = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis).Bits;
        await SqlAsync(stand, $"UPDATE dataset_items SET label = {bkl} WHERE dataset_id = {dataset} AND ordinal IN (6, 7)");
        await SqlAsync(stand, $"UPDATE dataset_items SET label = {DiagnosisSet.Of(Diagnosis.Melanoma, Diagnosis.Nevus).Bits} WHERE dataset_id = {dataset} AND ordinal = 8");
        await SqlAsync(stand, $"DELETE FROM image_contents USING images WHERE images.id = image_id AND {Ordinals(dataset, 9)}");
        await SqlAsync(stand, $"UPDATE image_contents SET bytes = 'no picture' FROM images WHERE images.id = image_id AND {Ordinals(dataset, 10)}");
        await SqlAsync(stand, $"UPDATE images SET group_id = (SELECT group_id FROM images WHERE {Ordinals(dataset, 12)}) WHERE {Ordinals(dataset, 14)}");

        var (steps, better) = await CompareAsync(stand, right, half);
        var (_, worse) = await CompareAsync(stand, half, right, dataset);

        Assert.Equal([(0, 29), (29, 29)], [(steps[0].Images, steps[0].Total), (steps[^1].Images, steps[^1].Total)]);
        Assert.Equal((dataset, 25, 27, 26), (better.DatasetId, better.Images, better.Ham10000Images, better.Lesions));
        Assert.Equal(new LeftOutImages { SeenByVersion = 2, SeenByOther = 3, SeenByBoth = 1, Forgotten = 3, Coarse = 3, Unreadable = 1 }, better.LeftOut);
        Assert.Equal((ComparisonVerdict.Better, ComparisonVerdict.Worse), (better.Verdict, worse.Verdict));
        Assert.Equal(
            "Version 1 is better than version 2: balanced accuracy 1.0000 against 0.5000 on the same 25 test images, difference +0.5000 with 95 % interval +0.5000 to +0.5000, which leaves 0 out.",
            better.Conclusion);
        Assert.Equal(5, better.Notes.Count);
        Assert.Equal((1, 2), (better.TestLooks, worse.TestLooks));

        // Of 25 images 12 are melanomas; in the seven classes two more are coarse and both models take them for something else.
        var figures = better.Figures.ToDictionary(figure => figure.Name);
        Assert.Equal((1.0, 12.0 / 25), (figures["accuracy"].Value, figures["accuracy"].OtherValue));
        Assert.Equal((2.0 / 3, 1.0 / 3), (figures["ham10000_balanced_accuracy"].Value, figures["ham10000_balanced_accuracy"].OtherValue));
        Assert.Equal((1.0, 0.0), (figures["specificity_t95"].Value, figures["specificity_t95"].OtherValue));
        Assert.Equal((0.0, ComparisonVerdict.Indistinguishable), (figures["sensitivity_t90"].Difference, figures["sensitivity_t90"].Verdict));
        Assert.Equal(ComparisonVerdict.Better, figures["calibration_error"].Verdict);
        Assert.True(figures["accuracy"].DifferenceLow is > 0.25 and < 0.45 && figures["accuracy"].DifferenceHigh is > 0.6 and < 0.8);
        Assert.All(worse.Figures, mirrored => Assert.Equal(
            (-figures[mirrored.Name].Difference, figures[mirrored.Name].Value), (mirrored.Difference, mirrored.OtherValue)));
    }

    [Fact]
    public async Task Should_refuse_with_a_reason_and_without_a_look_when_there_is_nothing_to_compare()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var (one, other) = (await stand.RegisterAsync(Right.Build()), await stand.RegisterAsync(HalfRight.Build()));
        var (reproduction, small) = (await stand.AddReproductionAsync(), await stand.AddDatasetAsync(2, Pictures(4)));

        Assert.Equal(StatusCode.InvalidArgument, await RefusalAsync(stand, one, one));
        Assert.Equal(StatusCode.NotFound, await RefusalAsync(stand, one, 99));
        Assert.Equal(StatusCode.NotFound, await RefusalAsync(stand, one, other, 99));
        Assert.Equal(StatusCode.FailedPrecondition, await RefusalAsync(stand, one, other, reproduction));
        var (_, tooFew) = await CompareAsync(stand, one, other);

        Assert.Equal((ComparisonVerdict.Unspecified, small, 4, 0), (tooFew.Verdict, tooFew.DatasetId, tooFew.Images, tooFew.Figures.Count));
        Assert.StartsWith($"A person decides: only 4 test images of dataset {small} are left", tooFew.Conclusion, StringComparison.Ordinal);
        await using var database = stand.Database();
        Assert.Equal(0, await database.ComparisonLooks.CountAsync(Cancellation));
    }

    [Fact]
    public async Task Should_serve_meanwhile_and_make_room_for_the_next_when_a_comparison_is_cancelled()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var (one, other) = (await stand.RegisterAndPromoteAsync(Right), await stand.RegisterAsync(Right.Build()));
        await stand.AddDatasetAsync(2, Pictures(400));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var call = stand.Registry.CompareModels(Request(one, other), InferenceStand.Caller(), cancellationToken: stop.Token);
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));

        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(InferenceStand.Picture(1, 2, 3))));
        await stop.CancelAsync();
        var answer = await stand.Http.PostAsJsonAsync(
            $"/v1/models/{one}:compare", new { otherVersion = other.ToString(CultureInfo.InvariantCulture) }, Cancellation);

        Assert.Contains("\"verdict\":\"COMPARISON_VERDICT_INDISTINGUISHABLE\"", (await answer.Content.ReadAsStringAsync(Cancellation)).Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static IEnumerable<(byte[] Picture, Diagnosis Label, Split Split)> Pictures(int count) => Enumerable.Range(0, count).Select(number => number % 2 == 0
        ? (InferenceStand.Picture(220, 40, 40, number), Diagnosis.Melanoma, Split.Test)
        : (InferenceStand.Picture(40, 220, 40, number), Diagnosis.Nevus, Split.Test));

    private static string Ordinals(int dataset, params int[] ordinals) =>
        $"images.id IN (SELECT image_id FROM dataset_items WHERE dataset_id = {dataset} AND ordinal IN ({string.Join(',', ordinals)}))";

    private static async Task SqlAsync(InferenceStand stand, string sql)
    {
        await using var database = stand.Database();
        await database.Database.ExecuteSqlRawAsync(sql, Cancellation);
    }

    private static async Task<byte[][]> HashesAsync(InferenceStand stand, int dataset, params int[] ordinals)
    {
        await using var database = stand.Database();
        return await database.DatasetItems.Where(item => item.DatasetId == dataset && ordinals.Contains(item.Ordinal))
            .Join(database.Images, item => item.ImageId, image => image.Id, (_, image) => image.Sha256).ToArrayAsync(Cancellation);
    }

    private static CompareModelsRequest Request(int version, int other, int? dataset = null)
    {
        var request = new CompareModelsRequest { Version = version.ToString(CultureInfo.InvariantCulture), OtherVersion = other.ToString(CultureInfo.InvariantCulture) };
        if (dataset is { } number)
        {
            request.DatasetId = number;
        }

        return request;
    }

    private static async Task<(List<ComparisonProgress> Steps, ModelComparison Comparison)> CompareAsync(InferenceStand stand, int version, int other, int? dataset = null)
    {
        using var call = stand.Registry.CompareModels(Request(version, other, dataset), InferenceStand.Caller(), cancellationToken: Cancellation);
        var answers = await call.ResponseStream.ReadAllAsync(Cancellation).ToListAsync(Cancellation);
        return ([.. answers.SkipLast(1).Select(answer => answer.Progress)], answers[^1].Comparison);
    }

    private static async Task<StatusCode> RefusalAsync(InferenceStand stand, int version, int other, int? dataset = null) =>
        (await Assert.ThrowsAsync<RpcException>(() => CompareAsync(stand, version, other, dataset))).StatusCode;
}
