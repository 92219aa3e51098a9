using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.IntegrationTests.Inference;

public sealed class IdempotencyTests(IdempotencyTests.TwoReplicas replicas) : IClassFixture<IdempotencyTests.TwoReplicas>
{
    public sealed class TwoReplicas(TestServers servers) : SharedReplicas(servers, ("Audit__SweepSeconds", "1"));

    private static readonly byte[] Red = InferenceStand.Picture(220, 60, 60);
    private static readonly byte[] Green = InferenceStand.Picture(60, 220, 60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_give_one_answer_and_keep_one_row_when_a_question_comes_at_once_to_two_replicas()
    {
        const int Keys = 50;
        var random = new Random(1);
        foreach (var group in Enumerable.Range(0, Keys).Select(number => (Key: $"at once {number}", Picture: InferenceStand.Picture(220, 60, 60, 1000 + number))).Chunk(10))
        {
            // Each question twice to each replica, in any order, so that batches meet crosswise.
            var calls = Enumerable.Range(0, 4).SelectMany(turn => group.Select(question => (question.Key, question.Picture, Stand: turn % 2 == 0 ? replicas.Stand : replicas.Other))).ToArray();
            random.Shuffle(calls);
            var answers = await Task.WhenAll(calls.Select(async call => (call.Key, Answer: await AskAsync(call.Stand, call.Picture, call.Key))));

            await using var database = replicas.Stand.Database();
            foreach (var (key, picture) in group)
            {
                var answer = Assert.Single(answers.Where(given => given.Key == key).Select(given => given.Answer).Distinct());
                var hash = SHA256.HashData(picture);
                Assert.Equal([Guid.Parse(answer.PredictionId)], await database.Predictions.Where(row => row.ImageSha256 == hash).Select(row => row.Id).ToListAsync(Cancellation));
            }
        }
    }

    [Fact]
    public async Task Should_give_the_answer_of_then_when_the_question_comes_again_after_a_promotion()
    {
        var stand = replicas.Stand;
        var before = await AskAsync(stand, Red, "promotion");
        await stand.RegisterAndPromoteAsync(TestModel.ByColour(Diagnosis.Dermatofibroma, Diagnosis.Nevus, Diagnosis.VascularLesion));

        var again = await AskAsync(stand, Red, "promotion");
        var another = await AskAsync(stand, Red, "after the promotion");
        var elsewhere = await stand.Classifier.ClassifyAsync(Request(Red, "promotion"), InferenceStand.Caller("south"), cancellationToken: Cancellation);

        Assert.Equal(before, again);
        Assert.Equal("dermatofibroma", another.Diagnosis);
        Assert.NotEqual(before.PredictionId, elsewhere.PredictionId);
    }

    [Fact]
    public async Task Should_refuse_when_the_key_was_for_another_image()
    {
        var stand = replicas.Stand;
        var first = await AskAsync(stand, Red, "another image");

        var refusal = await Assert.ThrowsAsync<RpcException>(() => AskAsync(replicas.Other, Green, "another image"));
        var json = await stand.Http.SendAsync(Post(JsonContent.Create(new { image = Green, idempotencyKey = "another image" }), key: null), Cancellation);
        var plain = await stand.Http.SendAsync(Post(Body(Green), "another image"), Cancellation);

        Assert.Equal(StatusCode.AlreadyExists, refusal.StatusCode);
        Assert.Contains(first.PredictionId, refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Conflict), (json.StatusCode, plain.StatusCode));
        Assert.Contains("another image", await plain.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_know_one_key_when_it_comes_by_field_by_metadata_by_header_and_in_quotes()
    {
        var stand = replicas.Stand;
        var field = await AskAsync(stand, Red, "every way");

        var metadata = InferenceStand.Caller();
        metadata.Add("idempotency-key", "every way");
        var both = await stand.Classifier.ClassifyAsync(Request(Red, "every way"), metadata, cancellationToken: Cancellation);
        var header = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red), metadata, cancellationToken: Cancellation);
        var plain = await stand.Http.SendAsync(Post(Body(Red), "\"every way\""), Cancellation);
        var json = await stand.Http.SendAsync(Post(JsonContent.Create(new { image = Red }), "every way"), Cancellation);

        Assert.Equal((field, field), (both, header));
        foreach (var answer in new[] { plain, json })
        {
            Assert.Contains(field.PredictionId, await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }

        var different = await Assert.ThrowsAsync<RpcException>(async () => await stand.Classifier.ClassifyAsync(Request(Red, "another"), metadata, cancellationToken: Cancellation));
        Assert.Equal(StatusCode.InvalidArgument, different.StatusCode);
        foreach (var bad in new[] { "", new string('x', 201), "Schlüssel", "a\0b" })
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(() => AskAsync(stand, Red, bad));
            Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        }
    }

    [Fact]
    public async Task Should_answer_each_by_its_key_when_keys_are_equal_within_a_stream()
    {
        using var call = replicas.Stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation);
        (string Name, byte[] Picture)[] questions = [.. Enumerable.Range(0, 8).Select(number => ($"red {number}", Red)), .. Enumerable.Range(0, 8).Select(number => ($"green {number}", Green))];
        foreach (var (name, picture) in questions)
        {
            await call.RequestStream.WriteAsync(new ClassifyStreamRequest { Key = name, Request = Request(picture, "stream") }, Cancellation);
        }

        await call.RequestStream.CompleteAsync();
        var answers = await call.ResponseStream.ReadAllAsync(Cancellation).ToListAsync(Cancellation);

        // Whichever came first has the key.
        var won = answers.First(answer => answer.OutcomeCase == ClassifyStreamResponse.OutcomeOneofCase.Answer).Key.Split(' ')[0];
        Assert.Equal(questions.Length, answers.Count);
        Assert.All(answers, answer => Assert.Equal(
            answer.Key.StartsWith(won, StringComparison.Ordinal) ? 0 : (int)StatusCode.AlreadyExists, answer.Refusal?.Code ?? 0));
        Assert.Single(answers.Where(answer => answer.Answer is not null).Select(answer => answer.Answer.PredictionId).Distinct());
    }

    [Fact]
    public async Task Should_be_free_again_when_a_key_is_older_than_a_day()
    {
        var first = await AskAsync(replicas.Stand, Red, "old");
        var young = await AskAsync(replicas.Stand, Red, "young");
        await replicas.Stand.ExecuteAsync("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'; UPDATE idempotency_keys SET created_at = now() - interval '23 hours' WHERE key = 'young'");

        await replicas.Stand.EventuallyAsync(() => AskAsync(replicas.Other, Red, "old"), again => again.PredictionId != first.PredictionId);

        Assert.Equal(young.PredictionId, (await AskAsync(replicas.Other, Red, "young")).PredictionId);
    }

    private static async Task<ClassifyResponse> AskAsync(InferenceStand stand, byte[] picture, string key) =>
        await stand.Classifier.ClassifyAsync(Request(picture, key), InferenceStand.Caller(), cancellationToken: Cancellation);

    private static ClassifyRequest Request(byte[] picture, string key) => new(InferenceStand.Request(picture)) { IdempotencyKey = key };

    private static HttpRequestMessage Post(HttpContent content, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/classify") { Content = content };
        foreach (var entry in InferenceStand.Caller())
        {
            request.Headers.Add(entry.Key, entry.Value);
        }

        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        }

        return request;
    }

    private static ByteArrayContent Body(byte[] picture) => new(picture) { Headers = { ContentType = new MediaTypeHeaderValue("image/png") } };
}
