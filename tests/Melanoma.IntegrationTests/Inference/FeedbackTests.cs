using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Predictions;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Delivery = Melanoma.Storage.Catalogue.Delivery;
using FeedbackVerdict = Melanoma.Contracts.V1.FeedbackVerdict;
using Image = Melanoma.Storage.Catalogue.Image;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>What callers say of answers, as far as Inference takes it.</summary>
public sealed class FeedbackTests(FeedbackTests.OneService service) : IClassFixture<FeedbackTests.OneService>
{
    public sealed class OneService(TestServers servers) : SharedStand(servers, ("Feedback__SweepSeconds", "1"));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_keep_what_is_said_once_and_what_is_said_otherwise_as_well_when_a_caller_judges_an_answer()
    {
        var stand = service.Stand;
        var (answer, _) = await AskAsync(seed: 1);
        var disagrees = new SendFeedbackRequest { PredictionId = answer.PredictionId, Verdict = FeedbackVerdict.Disagree, Diagnosis = "nevus", Comment = " an old mole " };

        // At once, as a client does whose first answer was late.
        var first = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(disagrees)));
        using var foreign = new HttpRequestMessage(HttpMethod.Post, $"/v1/predictions/{answer.PredictionId}/feedback") { Content = JsonContent.Create(new { verdict = "DISAGREE", diagnosis = "nevus" }) };
        PlayedGateway.Sign(foreign, "key-of-others", "others");
        using var json = await stand.Http.SendAsync(foreign, Cancellation);
        var other = await SendAsync(new SendFeedbackRequest { PredictionId = answer.PredictionId, Verdict = FeedbackVerdict.Agree });
        var back = await SendAsync(disagrees);

        Assert.Single(first.Select(one => one.FeedbackId).Distinct());
        Assert.Single(first, one => !one.AlreadyGiven);
        Assert.Equal(HttpStatusCode.NotFound, json.StatusCode);
        Assert.False(other.AlreadyGiven || back.AlreadyGiven);
        await using var database = stand.Database();
        var said = await database.Feedback.Where(one => one.PredictionId == Guid.Parse(answer.PredictionId)).OrderBy(one => one.Number).ToListAsync(Cancellation);
        Assert.Equal([first[0].FeedbackId, other.FeedbackId, back.FeedbackId], said.Select(one => one.Id.ToString()));
        Assert.Equal([Diagnosis.Nevus, Diagnosis.Melanoma, Diagnosis.Nevus], said.Select(one => one.Diagnosis));
        Assert.Equal(("st-elsewhere", "key-of-st-elsewhere", "an old mole", Diagnosis.Melanoma), (said[0].Tenant, said[0].Caller, said[0].Comment, said[0].AnsweredDiagnosis));
        Assert.Equal(said.Select(one => one.Time).Order(), said.Select(one => one.Time));
        var messages = await database.Outbox.Where(message => message.MessageName == "melanoma.feedback-given.v1").Select(message => message.Body).ToListAsync(Cancellation);
        Assert.All(said, one => Assert.Single(messages, message => message.Contains(one.Id.ToString(), StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Should_take_it_as_JSON_when_the_tenant_is_the_answers()
    {
        var (answer, picture) = await AskAsync(seed: 2);
        using var question = new HttpRequestMessage(HttpMethod.Post, $"/v1/predictions/{answer.PredictionId}/feedback")
        {
            Content = JsonContent.Create(new { verdict = "DISAGREE", image = picture }),
        };

        using var given = await service.Stand.Http.SendAsync(question, Cancellation);

        Assert.Equal(HttpStatusCode.OK, given.StatusCode);
        Assert.Contains("\"imageTaken\":true", (await given.Content.ReadAsStringAsync(Cancellation)).Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_keep_the_image_only_when_it_is_sent_and_only_until_it_is_settled()
    {
        var stand = service.Stand;
        var (answer, picture) = await AskAsync(seed: 3);
        var without = await SendAsync(new SendFeedbackRequest { PredictionId = answer.PredictionId, Verdict = FeedbackVerdict.Agree });
        var with = await SendAsync(new SendFeedbackRequest { PredictionId = answer.PredictionId, Verdict = FeedbackVerdict.Agree, Image = ByteString.CopyFrom(picture) });
        var again = await SendAsync(new SendFeedbackRequest { PredictionId = answer.PredictionId, Verdict = FeedbackVerdict.Agree });

        Assert.Equal((false, true, true), (without.ImageTaken, with.ImageTaken, again.ImageTaken));
        Assert.Equal((with.FeedbackId, true), (again.FeedbackId, again.AlreadyGiven));
        await using var database = stand.Database();
        Assert.Equal(picture, (await database.FeedbackImages.AsNoTracking().SingleAsync(image => image.FeedbackId == Guid.Parse(with.FeedbackId), Cancellation)).Bytes);
        Assert.False(await database.FeedbackImages.AnyAsync(image => image.FeedbackId == Guid.Parse(without.FeedbackId), Cancellation));
        database.FeedbackOutcomes.Add(new FeedbackOutcome { FeedbackId = Guid.Parse(with.FeedbackId), State = FeedbackState.ImageRefused, SettledAt = DateTimeOffset.UtcNow });
        await database.SaveChangesAsync(Cancellation);
        await stand.EventuallyAsync(() => database.FeedbackImages.AnyAsync(image => image.FeedbackId == Guid.Parse(with.FeedbackId), Cancellation), isThere => !isThere);
    }

    [Fact]
    public async Task Should_say_what_is_wrong_and_keep_nothing_when_feedback_cannot_be_taken()
    {
        var stand = service.Stand;
        var (answer, picture) = await AskAsync(seed: 4);
        var (forgotten, forgottenPicture) = await AskAsync(seed: 5);
        await ForgetAsync(forgottenPicture);
        SendFeedbackRequest Request(FeedbackVerdict verdict = FeedbackVerdict.Disagree) => new() { PredictionId = answer.PredictionId, Verdict = verdict };
        (SendFeedbackRequest Request, StatusCode Status, string Says)[] calls =
        [
            (new(Request()) { PredictionId = "seven" }, StatusCode.InvalidArgument, "not a UUID"),
            (new(Request()) { PredictionId = Guid.NewGuid().ToString() }, StatusCode.NotFound, "no prediction"),
            (Request(FeedbackVerdict.Unspecified), StatusCode.InvalidArgument, "AGREE or DISAGREE"),
            (Request((FeedbackVerdict)9), StatusCode.InvalidArgument, "AGREE or DISAGREE"),
            (new(Request()) { Diagnosis = "measles" }, StatusCode.InvalidArgument, "none of the nine"),
            (new(Request()) { Diagnosis = "melanoma" }, StatusCode.InvalidArgument, "that it is right, agree"),
            (new(Request(FeedbackVerdict.Agree)) { Diagnosis = "nevus" }, StatusCode.InvalidArgument, "disagree"),
            (new(Request()) { Comment = new string('x', 2001) }, StatusCode.InvalidArgument, "2001"),
            (new(Request()) { Comment = "two\nlines" }, StatusCode.InvalidArgument, "one line"),
            (new(Request()) { Image = ByteString.CopyFrom(InferenceStand.Picture(220, 60, 60, seed: 99)) }, StatusCode.InvalidArgument, "not the one that was classified"),
            (new(Request()) { Image = ByteString.Empty }, StatusCode.InvalidArgument, "not the one that was classified"),
            (new(Request()) { Image = ByteString.CopyFrom(new byte[22 * 1024 * 1024]) }, StatusCode.InvalidArgument, "MiB"),
            (new(Request()) { PredictionId = forgotten.PredictionId, Image = ByteString.CopyFrom(forgottenPicture) }, StatusCode.FailedPrecondition, "forgotten"),
        ];

        foreach (var (request, status, says) in calls)
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(() => SendAsync(request));
            Assert.Equal((status, true), (refusal.StatusCode, refusal.Status.Detail.Contains(says, StringComparison.Ordinal)));
        }

        var foreign = await Assert.ThrowsAsync<RpcException>(async () =>
            await stand.Classifier.SendFeedbackAsync(Request(), InferenceStand.Caller("south"), cancellationToken: Cancellation));
        Assert.Equal(StatusCode.NotFound, foreign.StatusCode);
        await using var database = stand.Database();
        Guid[] predictions = [Guid.Parse(answer.PredictionId), Guid.Parse(forgotten.PredictionId)];
        Assert.False(await database.Feedback.AnyAsync(one => predictions.Contains(one.PredictionId), Cancellation));
        Assert.False((await SendAsync(new SendFeedbackRequest(Request()) { Image = ByteString.CopyFrom(picture) })).AlreadyGiven);
    }

    private async Task<(ClassifyResponse Answer, byte[] Picture)> AskAsync(int seed)
    {
        await service.Stand.RegisterAndPromoteAsync(TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion));
        var picture = InferenceStand.Picture(220, 60, 60, seed);
        return (await service.Stand.Classifier.ClassifyAsync(InferenceStand.Request(picture), InferenceStand.Caller(), cancellationToken: Cancellation), picture);
    }

    private async Task<SendFeedbackResponse> SendAsync(SendFeedbackRequest request) =>
        await service.Stand.Classifier.SendFeedbackAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation);

    private async Task ForgetAsync(byte[] picture)
    {
        await using var database = service.Stand.Database();
        var group = new LesionGroup { Id = Guid.CreateVersion7() };
        var delivery = new Delivery { Id = Guid.CreateVersion7(), Name = "test", DeliveredBy = "test", ReceivedAt = DateTimeOffset.UtcNow };
        database.AddRange(group, delivery, new Image
        {
            Id = Guid.CreateVersion7(),
            Sha256 = SHA256.HashData(picture),
            GroupId = group.Id,
            DeliveryId = delivery.Id,
            MediaType = "image/png",
            Width = 40,
            Height = 40,
            SizeBytes = picture.Length,
            ReceivedAt = DateTimeOffset.UtcNow,
            ForgottenAt = DateTimeOffset.UtcNow,
        });
        await database.SaveChangesAsync(Cancellation);
    }
}
