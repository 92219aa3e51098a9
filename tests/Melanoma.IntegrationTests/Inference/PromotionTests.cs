using System.Security.Cryptography;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
using Melanoma.Storage;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using ModelState = Melanoma.Contracts.V1.ModelState;
using Split = Melanoma.Storage.Datasets.Split;

namespace Melanoma.IntegrationTests.Inference;

public sealed class PromotionTests(TestServers servers)
{
    private static readonly TestModel Right = TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion);
    private static readonly TestModel HalfRight = TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Melanoma, Diagnosis.VascularLesion);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_promote_what_is_not_worse_when_both_answer_about_the_same_unseen_lesions()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(2, Pictures(24, trained: 2));
        var first = await DecideAsync(stand, HalfRight, dataset);
        var better = await DecideAsync(stand, Right, dataset);
        var worse = await DecideAsync(stand, HalfRight);
        var equal = await DecideAsync(stand, Right);

        Assert.Equal([ModelState.Production, ModelState.Production, ModelState.Candidate, ModelState.Production], [first.State, better.State, worse.State, equal.State]);
        Assert.Equal("Promoted: it is the first model of an honest dataset.", first.PolicyDecision);
        Assert.Equal(
            "Promoted: it is not worse. Against version 1: balanced accuracy 1.0000 against 0.5000 on the same 22 test images, difference +0.5000 with 95 % interval +0.5000 to +0.5000.",
            better.PolicyDecision);
        Assert.Matches(
            "^Not promoted: its balanced accuracy is more than 0.02 lower, and its calibration error 0.4[0-9]+ is above 0.15. Against version 2: balanced accuracy 0.5000 against 1.0000 ",
            worse.PolicyDecision);
        Assert.EndsWith("difference 0.0000 with 95 % interval 0.0000 to 0.0000.", equal.PolicyDecision, StringComparison.Ordinal);
        var history = await stand.Registry.ListModelTransitionsAsync(new ListModelTransitionsRequest(), cancellationToken: Cancellation);
        Assert.Equal([("2", "4"), ("1", "2"), ("", "1")], history.Transitions.Select(transition => (transition.FromVersion, transition.ToVersion)));
        Assert.All(history.Transitions, transition => Assert.Equal(("promotion policy", transition.Reason), (transition.Actor, transition.PolicyDecision)));
        await using var database = stand.Database();
        Assert.Equal(3, await database.Outbox.CountAsync(message => message.MessageName == MessageCatalogue.NameOf(typeof(ModelPromoted)), Cancellation));

        // The first had nothing to be compared with; each of the others was one look at the newest dataset's test split, whichever dataset it came from.
        Assert.Equal([2, 3, 4], await database.ComparisonLooks.Where(look => look.DatasetId == dataset && look.Actor == "promotion policy").Select(look => look.Version).ToListAsync(Cancellation));
        Assert.Equal(3, (await stand.Registry.GetModelAsync(new GetModelRequest { Version = "1" }, cancellationToken: Cancellation)).TestLooks);
    }

    [Fact]
    public async Task Should_say_what_it_lacks_when_a_candidate_is_no_less_accurate_but_not_fit_to_serve()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(2, Pictures(24));
        await DecideAsync(stand, Right, dataset);

        // Half as sure: right about each picture, and never as sure as its threshold asks.
        var misses = await DecideAsync(stand, Right with { OperatingPoints = new(1, 1), Weight = (diagnosis, channel) => Right.Weight(diagnosis, channel) / 2 });
        var without = await DecideAsync(stand, Right with { OperatingPoints = null });
        var other = await stand.DecidedAsync(await stand.RegisterAsync(Right.Build(), decided: null, parityDifference: 0.01));

        Assert.StartsWith("Not promoted: at its threshold for 95 % sensitivity it finds 0.0000 of the melanomas, less than 0.85. ", misses.PolicyDecision, StringComparison.Ordinal);
        Assert.StartsWith("A person decides: 12 melanomas are left in test, 10 and a threshold of its own are needed", without.PolicyDecision, StringComparison.Ordinal);
        Assert.Equal("Not promoted: the served file and the trained network differ by 0.01; 0.0001 is let through.", other.PolicyDecision);
        Assert.All([misses, without, other], model => Assert.Equal(ModelState.Candidate, model.State));
    }

    [Fact]
    public async Task Should_leave_out_the_test_images_that_a_model_brought_from_elsewhere_has_seen()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var pictures = Pictures(30).ToArray();
        byte[][] hashes = [.. pictures.Take(12).Select(picture => SHA256.HashData(picture.Picture)), SHA256.HashData([1])];
        await stand.PromoteAsync(await stand.RegisterAsync(HalfRight.Build(), trainedOn: hashes[6..]));
        var dataset = await stand.AddDatasetAsync(2, pictures);

        var judged = await DecideAsync(stand, Right, dataset);
        var knowsMore = await stand.DecidedAsync(await stand.RegisterAsync(Right.Build(), decided: null, trainedOn: hashes));

        Assert.EndsWith(
            "on the same 24 test images, difference +0.5000 with 95 % interval +0.5000 to +0.5000. 6 test images were left out because version 1 was trained or chosen on their lesions.",
            judged.PolicyDecision, StringComparison.Ordinal);
        Assert.Equal(
            "A person decides: only 18 test images of dataset 2 are left that neither version 3 nor version 2 was trained or chosen on; 20 are needed. 12 test images were left out because version 3 was trained or chosen on their lesions.",
            knowsMore.PolicyDecision);
        Assert.Equal((ModelState.Production, ModelState.Candidate), (judged.State, knowsMore.State));

        await stand.PromoteAsync(3);

        Assert.Equal("3", (await stand.Registry.GetServingStatusAsync(new GetServingStatusRequest(), cancellationToken: Cancellation)).ModelVersion);
        var byHand = (await stand.Registry.ListModelTransitionsAsync(new ListModelTransitionsRequest(), cancellationToken: Cancellation)).Transitions[0];
        Assert.Equal(("a test", knowsMore.PolicyDecision), (byHand.Reason, byHand.PolicyDecision));
    }

    [Fact]
    public async Task Should_never_promote_a_leaky_model_when_anybody_asks()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddReproductionAsync();
        var version = await stand.RegisterAsync((new TestModel { DatasetId = dataset, DatasetKind = "reproduction" }).Build(), dataset, DatasetKind.Reproduction, decided: null);

        var model = await stand.DecidedAsync(version);
        var byHand = await Assert.ThrowsAsync<RpcException>(() => stand.PromoteAsync(version));
        var bySql = await Assert.ThrowsAsync<PostgresException>(() => stand.PromoteElsewhereAsync(version));

        Assert.Equal(("leaky", ModelState.Candidate), (model.Protocol, model.State));
        Assert.StartsWith("Not promoted: it was trained by the leaky protocol", model.PolicyDecision, StringComparison.Ordinal);
        Assert.Equal(StatusCode.FailedPrecondition, byHand.StatusCode);
        Assert.Contains("leaky", byHand.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("ck_model_versions_honest", bySql.ConstraintName);
        var pinned = await stand.Classifier.ClassifyAsync(InferenceStand.Request(InferenceStand.Picture(1, 2, 3), version), InferenceStand.Caller(), cancellationToken: Cancellation);
        Assert.Contains("leaky protocol", pinned.Notice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_decide_once_when_the_message_comes_twice_and_to_two_replicas()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Promotion__SweepSeconds", "3600"));
        var version = await stand.RegisterAsync(new TestModel().Build(), decided: null);
        await using (var database = stand.Database())
        {
            // The service's own relay carries them, as the training worker's would.
            database.Outbox.AddRange(Enumerable.Range(0, 3).Select(_ => OutboxMessage.For(ServiceRole.Inference, new ModelTrained(version))));
            await database.SaveChangesAsync(Cancellation);
        }

        await stand.DecidedAsync(version);
        await stand.EventuallyAsync(
            async () =>
            {
                await using var database = stand.Database();
                return await database.Outbox.CountAsync(message => message.SentAt == null, Cancellation);
            },
            waiting => waiting == 0);

        var history = await stand.Registry.ListModelTransitionsAsync(new ListModelTransitionsRequest(), cancellationToken: Cancellation);
        Assert.Single(history.Transitions);
    }

    [Fact]
    public async Task Should_not_look_at_the_test_split_when_another_replica_judges()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Logging__LogLevel__Melanoma", "Debug"));
        var dataset = await stand.AddDatasetAsync(2, Pictures(24));
        await DecideAsync(stand, HalfRight, dataset);
        await using var database = stand.Database();
        await database.Database.OpenConnectionAsync(Cancellation);
        await database.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({AdvisoryLocks.Deciding})", Cancellation);

        var version = await stand.RegisterAsync((Right with { DatasetId = dataset }).Build(), dataset, decided: null);
        await stand.EventuallyAsync(
            () => Task.FromResult(stand.Service.Log), log => log.Contains($"Model version {version} waits: another replica judges", StringComparison.Ordinal));
        var looks = await database.ComparisonLooks.CountAsync(Cancellation);
        await database.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({AdvisoryLocks.Deciding})", Cancellation);

        Assert.Equal(0, looks);
        Assert.Equal(ModelState.Production, (await stand.DecidedAsync(version)).State);
        Assert.Equal(1, await database.ComparisonLooks.CountAsync(Cancellation));
    }

    [Fact]
    public async Task Should_leave_it_to_a_person_when_three_comparisons_led_to_no_decision()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(2, Pictures(24));
        await DecideAsync(stand, HalfRight, dataset);
        var version = await stand.RegisterAsync((Right with { DatasetId = dataset }).Build(), dataset);
        await using var database = stand.Database();
        await database.Database.ExecuteSqlAsync($"""
            INSERT INTO comparison_looks (version, other_version, dataset_id, actor, looked_at)
            SELECT {version}, 1, {dataset}, 'promotion policy', clock_timestamp() FROM generate_series(1, 3)
            """, Cancellation);
        await database.Database.ExecuteSqlAsync($"UPDATE model_versions SET policy_decision = NULL WHERE version = {version}", Cancellation);

        var model = await stand.DecidedAsync(version);

        Assert.Equal(ModelState.Candidate, model.State);
        Assert.StartsWith("A person decides: 3 comparisons with version 1 were begun and led to no decision", model.PolicyDecision, StringComparison.Ordinal);
        Assert.Equal(3, await database.ComparisonLooks.CountAsync(Cancellation));
    }

    [Fact]
    public async Task Should_go_back_to_the_version_before_when_rolled_back()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var empty = await Assert.ThrowsAsync<RpcException>(() => RollbackAsync(stand));
        await stand.RegisterAndPromoteAsync(new TestModel());
        var only = await Assert.ThrowsAsync<RpcException>(() => RollbackAsync(stand));
        await stand.RegisterAndPromoteAsync(new TestModel());

        var transition = await RollbackAsync(stand);

        Assert.Equal((StatusCode.FailedPrecondition, StatusCode.FailedPrecondition), (empty.StatusCode, only.StatusCode));
        Assert.Equal(("2", "1", "key-of-st-elsewhere", "it misbehaved"), (transition.FromVersion, transition.ToVersion, transition.Actor, transition.Reason));
        var models = await stand.Registry.ListModelsAsync(new ListModelsRequest(), cancellationToken: Cancellation);
        Assert.Equal([("2", ModelState.Retired), ("1", ModelState.Production)], models.Models.Select(model => (model.Version, model.State)));
        Assert.All(models.Models, model => Assert.Equal((64, true, 118), (model.Sha256.Length, model.SizeBytes > 1000, model.Validation.Images)));
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(InferenceStand.Picture(1, 2, 3))));
    }

    [Fact]
    public async Task Should_go_further_back_when_rolled_back_again()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        for (var version = 0; version < 3; version++)
        {
            await stand.RegisterAndPromoteAsync(new TestModel());
        }

        var once = await RollbackAsync(stand);
        var twice = await RollbackAsync(stand);
        var further = await Assert.ThrowsAsync<RpcException>(() => RollbackAsync(stand));

        Assert.Equal(("3", "2", "2", "1"), (once.FromVersion, once.ToVersion, twice.FromVersion, twice.ToVersion));
        Assert.Equal(StatusCode.FailedPrecondition, further.StatusCode);
    }

    [Fact]
    public async Task Should_change_nothing_when_the_version_before_cannot_be_served()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Models__PinnedVersions", "1"));
        await stand.RegisterAndPromoteAsync(new TestModel());
        await stand.RegisterAndPromoteAsync(new TestModel());
        await using (var database = stand.Database())
        {
            await database.Database.ExecuteSqlAsync($"UPDATE model_artefacts SET bytes = 'gone' WHERE version = 1", Cancellation);
        }

        var refusal = await Assert.ThrowsAsync<RpcException>(() => RollbackAsync(stand));

        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Contains("version 1 cannot be served", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("2", (await stand.Registry.GetServingStatusAsync(new GetServingStatusRequest(), cancellationToken: Cancellation)).ModelVersion);
    }

    [Fact]
    public async Task Should_decide_later_when_production_cannot_be_asked()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        await stand.PromoteElsewhereAsync(await stand.RegisterAsync(new TestModel { Softmax = false }.Build()));
        var candidate = await stand.RegisterAsync(new TestModel().Build(), decided: null);
        await stand.EventuallyAsync(
            () => Task.FromResult(stand.Service.Log), log => log.Contains("Model version 2 is not decided about yet", StringComparison.Ordinal));
        Assert.Empty((await stand.Registry.GetModelAsync(new GetModelRequest { Version = "2" }, cancellationToken: Cancellation)).PolicyDecision);

        await stand.RegisterAndPromoteAsync(new TestModel());

        Assert.StartsWith("A person decides", (await stand.DecidedAsync(candidate)).PolicyDecision, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_leave_a_lesion_out_when_it_turned_out_to_be_one_that_was_trained_on()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(2, Pictures(24, trained: 1));
        await DecideAsync(stand, Right, dataset);
        await using (var database = stand.Database())
        {
            await database.Database.ExecuteSqlAsync($"""
                UPDATE images SET group_id = (SELECT group_id FROM dataset_items WHERE dataset_id = {dataset} AND split = 'train')
                WHERE id = (SELECT image_id FROM dataset_items WHERE dataset_id = {dataset} AND split = 'test' ORDER BY ordinal LIMIT 1)
                """, Cancellation);
        }

        var model = await DecideAsync(stand, Right, dataset);

        Assert.Contains("on the same 22 test images", model.PolicyDecision, StringComparison.Ordinal);
        Assert.Contains("1 test images were left out because version 2", model.PolicyDecision, StringComparison.Ordinal);
    }

    /// <summary>Melanomas and nevi in turn; the last ones are nevi that are trained on.</summary>
    private static IEnumerable<(byte[] Picture, Diagnosis Label, Split Split)> Pictures(int count, int trained = 0) => Enumerable.Range(0, count).Select(number =>
    {
        var split = number / 2 >= (count / 2) - trained && number % 2 == 1 ? Split.Train : Split.Test;
        return number % 2 == 0
            ? (InferenceStand.Picture(220, 40, 40, number), Diagnosis.Melanoma, split)
            : (InferenceStand.Picture(40, 220, 40, number), Diagnosis.Nevus, split);
    });

    private static async Task<Model> DecideAsync(InferenceStand stand, TestModel model, int datasetId = 1) =>
        await stand.DecidedAsync(await stand.RegisterAsync((model with { DatasetId = datasetId }).Build(), datasetId, decided: null));

    private static async Task<ModelTransition> RollbackAsync(InferenceStand stand) =>
        await stand.Registry.RollbackModelAsync(new RollbackModelRequest { Reason = "it misbehaved" }, InferenceStand.Caller(), cancellationToken: Cancellation);
}
