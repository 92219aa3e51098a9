using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
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
    public async Task Should_promote_what_is_not_worse_when_the_reports_speak_of_the_same_images()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var first = await DecideAsync(stand, 0.50);
        var better = await DecideAsync(stand, 0.55);
        var worse = await DecideAsync(stand, 0.54);
        var equal = await DecideAsync(stand, 0.55);

        Assert.Equal([ModelState.Production, ModelState.Production, ModelState.Candidate, ModelState.Production], [first.State, better.State, worse.State, equal.State]);
        Assert.Equal("Not promoted: balanced accuracy 0.5400 against 0.5500 of version 2 on the same 118 test images.", worse.PolicyDecision);
        var history = await stand.Registry.ListModelTransitionsAsync(new ListModelTransitionsRequest(), cancellationToken: Cancellation);
        Assert.Equal([("2", "4"), ("1", "2"), ("", "1")], history.Transitions.Select(transition => (transition.FromVersion, transition.ToVersion)));
        Assert.All(history.Transitions, transition => Assert.Equal("promotion policy", transition.Actor));
        await using var database = stand.Database();
        Assert.Equal(3, await database.Outbox.CountAsync(message => message.MessageName == MessageCatalogue.NameOf(typeof(ModelPromoted)), Cancellation));
    }

    [Fact]
    public async Task Should_ask_both_models_about_unseen_lesions_when_they_come_from_different_datasets()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        await stand.RegisterAndPromoteAsync(HalfRight);
        var pictures = Enumerable.Range(0, 24).Select(number => number % 2 == 0
            ? (InferenceStand.Picture(220, 40, 40, number), Diagnosis.Melanoma, Split.Test)
            : (InferenceStand.Picture(40, 220, 40, number), Diagnosis.Nevus, number > 20 ? Split.Train : Split.Test));
        var dataset = await stand.AddDatasetAsync(2, pictures);

        var better = await stand.DecidedAsync(await stand.RegisterAsync((Right with { DatasetId = dataset }).Build(), dataset, decided: null));
        var worse = await stand.DecidedAsync(await stand.RegisterAsync(HalfRight.Build(), decided: null));

        Assert.Equal("Promoted: balanced accuracy 1.0000 against 0.5000 of version 1 on the same 22 test images.", better.PolicyDecision);
        Assert.Equal("Not promoted: balanced accuracy 0.5000 against 1.0000 of version 2 on the same 22 test images.", worse.PolicyDecision);
        Assert.Equal((ModelState.Production, ModelState.Candidate), (better.State, worse.State));
    }

    [Fact]
    public async Task Should_leave_it_to_a_person_when_too_few_unseen_images_are_left()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        await stand.RegisterAndPromoteAsync(HalfRight);
        var dataset = await stand.AddDatasetAsync(2, [(InferenceStand.Picture(220, 40, 40), Diagnosis.Melanoma, Split.Test)]);

        var model = await stand.DecidedAsync(await stand.RegisterAsync((Right with { DatasetId = dataset }).Build(), dataset, decided: null));

        Assert.Equal(ModelState.Candidate, model.State);
        Assert.StartsWith("A person decides: only 1 test images are left", model.PolicyDecision, StringComparison.Ordinal);
        await stand.PromoteAsync(2);
        Assert.Equal("2", (await stand.Registry.GetServingStatusAsync(new GetServingStatusRequest(), cancellationToken: Cancellation)).ModelVersion);
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
    public async Task Should_ask_both_models_when_lesions_of_their_dataset_turned_out_to_be_one()
    {
        await using var stand = await InferenceStand.StartAsync(servers);
        var dataset = await stand.AddDatasetAsync(2, Enumerable.Range(0, 24).Select(number =>
            (InferenceStand.Picture(220, 40, 40, number), Diagnosis.Melanoma, number == 0 ? Split.Train : Split.Test)));
        var right = (Right with { DatasetId = dataset }).Build();
        await stand.PromoteAsync(await stand.RegisterAsync(right, dataset, balancedAccuracy: 0.9));
        await using (var database = stand.Database())
        {
            await database.Database.ExecuteSqlAsync($"""
                UPDATE images SET group_id = (SELECT group_id FROM dataset_items WHERE dataset_id = {dataset} AND ordinal = 0)
                WHERE id = (SELECT image_id FROM dataset_items WHERE dataset_id = {dataset} AND ordinal = 1)
                """, Cancellation);
        }

        var model = await stand.DecidedAsync(await stand.RegisterAsync(right, dataset, balancedAccuracy: 0.8, decided: null));

        Assert.Equal("Promoted: balanced accuracy 1.0000 against 1.0000 of version 1 on the same 22 test images.", model.PolicyDecision);
    }

    private static async Task<Model> DecideAsync(InferenceStand stand, double balancedAccuracy) =>
        await stand.DecidedAsync(await stand.RegisterAsync(new TestModel().Build(), balancedAccuracy: balancedAccuracy, decided: null));

    private static async Task<ModelTransition> RollbackAsync(InferenceStand stand) =>
        await stand.Registry.RollbackModelAsync(new RollbackModelRequest { Reason = "it misbehaved" }, InferenceStand.Caller(), cancellationToken: Cancellation);
}
