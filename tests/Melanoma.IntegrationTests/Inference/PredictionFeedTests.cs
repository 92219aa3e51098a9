using System.Net;
using System.Text.Json;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

public sealed class PredictionFeedTests(PredictionFeedTests.TwoReplicas replicas) : IClassFixture<PredictionFeedTests.TwoReplicas>
{
    public sealed class TwoReplicas(TestServers servers) : SharedReplicas(servers, ("Audit__Subscriptions", "4"));

    private static readonly byte[] Red = InferenceStand.Picture(220, 60, 60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_miss_nothing_and_tell_nothing_twice_when_replicas_write_and_a_subscriber_comes_back_to_another()
    {
        var (stand, other) = (replicas.Stand, replicas.Other);
        var asking = Task.WhenAll(Enumerable.Range(0, 120).Select(async number =>
        {
            var replica = number % 2 == 0 ? stand : other;
            var answer = await replica.Classifier.ClassifyAsync(InferenceStand.Request(Red), InferenceStand.Caller(number % 3 == 0 ? "feed-south" : "feed-north"), cancellationToken: Cancellation);
            return (North: number % 3 != 0, answer.PredictionId);
        }));

        var (first, next) = await FollowAsync(other, "feed-north", 0, until: (seen, _) => seen.Count == 30);
        var (second, _) = await FollowAsync(stand, "feed-north", next, until: (seen, _) => seen.Count == 50);
        var answers = await asking;

        List<Prediction> feed = [.. first, .. second];
        Assert.Equal(Enumerable.Range(1, 80).Select(number => (long)number), feed.Select(prediction => prediction.Sequence));
        Assert.Equal(answers.Where(answer => answer.North).Select(answer => answer.PredictionId).Order(), feed.Select(prediction => prediction.PredictionId).Order());
        Assert.Equal(feed, await ListAsync(stand, "feed-north", limit: 7));
        await stand.EventuallyAsync(() => ListAsync(stand, "feed-south", limit: 1000), south => south.Count == 40);
        Assert.Equal(feed[41], await stand.Predictions.GetPredictionAsync(
            new GetPredictionRequest { PredictionId = feed[41].PredictionId }, InferenceStand.Caller("feed-north"), cancellationToken: Cancellation));
        Assert.Equal("CPU", feed[41].ExecutionProvider);
    }

    [Fact]
    public async Task Should_come_at_once_when_somebody_waits_at_another_replica()
    {
        var (stand, other) = (replicas.Stand, replicas.Other);
        var live = new TaskCompletionSource();
        var following = FollowAsync(other, "live", 0, until: (seen, signs) =>
        {
            if (signs > 0)
                live.TrySetResult();
            return seen.Count == 1;
        });
        await live.Task.WaitAsync(Cancellation);

        var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red), InferenceStand.Caller("live"), cancellationToken: Cancellation);

        // Far sooner than a look that nobody asked for, which there is every 30 seconds.
        Assert.Equal(answer.PredictionId, Assert.Single((await following.WaitAsync(TimeSpan.FromSeconds(15), Cancellation)).Seen).PredictionId);
    }

    [Fact]
    public async Task Should_give_signs_of_life_and_end_with_a_sentence_when_nothing_comes_and_the_service_stops()
    {
        var other = await replicas.Stand.StartReplicaAsync(("Audit__HeartbeatSeconds", "1"));
        var (_, next) = await FollowAsync(other, "silent", 0, until: (_, signs) => signs == 3);
        Task? stopped = null;
        var stopping = FollowAsync(other, "silent", 0, until: (_, _) =>
        {
            stopped ??= other.Service.StopAsync(Cancellation);
            return false;
        });

        Assert.Equal(1, next);
        var end = await Assert.ThrowsAsync<RpcException>(() => stopping);
        Assert.Equal(StatusCode.Unavailable, end.StatusCode);
        await stopped!;
        await other.DisposeAsync();
    }

    [Fact]
    public async Task Should_say_which_sequences_there_are_when_one_is_asked_for_that_is_none()
    {
        var stand = replicas.Stand;
        await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red), InferenceStand.Caller("range"), cancellationToken: Cancellation);
        await stand.EventuallyAsync(() => ListAsync(stand, "range", limit: 10), page => page.Count == 1);

        async Task<StatusCode> ListStatusAsync(long from, int limit = 10)
        {
            try
            {
                await stand.Predictions.ListPredictionsAsync(new ListPredictionsRequest { FromSequence = from, Limit = limit }, InferenceStand.Caller("range"), cancellationToken: Cancellation);
                return StatusCode.OK;
            }
            catch (RpcException refusal)
            {
                return refusal.StatusCode;
            }
        }

        Assert.Equal((StatusCode.OK, StatusCode.OutOfRange, StatusCode.InvalidArgument), (await ListStatusAsync(2), await ListStatusAsync(3), await ListStatusAsync(-1)));
        Assert.Equal((StatusCode.OK, StatusCode.InvalidArgument, StatusCode.InvalidArgument), (await ListStatusAsync(1, 1000), await ListStatusAsync(1, 1001), await ListStatusAsync(1, -1)));
        var ahead = await Assert.ThrowsAsync<RpcException>(() => FollowAsync(stand, "range", 3, until: (_, _) => true));
        Assert.Contains("sequence 1", ahead.Status.Detail, StringComparison.Ordinal);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/predictions?from_sequence=1&limit=5");
        PlayedGateway.Sign(request, "key-of-range", "range");
        var page = JsonDocument.Parse(await (await stand.Http.SendAsync(request, Cancellation)).Content.ReadAsStringAsync(Cancellation)).RootElement;
        Assert.Equal(2, page.GetProperty("nextSequence").GetInt64());
        Assert.Equal(1, page.GetProperty("predictions")[0].GetProperty("sequence").GetInt64());
        Assert.Equal(HttpStatusCode.BadRequest, (await stand.Http.GetAsync("/v1/predictions?from_sequence=77", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Should_refuse_with_a_delay_when_too_many_subscriptions_are_open()
    {
        var stand = replicas.Stand;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        foreach (var tenant in new[] { "one", "one", "two" })
        {
            await stand.EventuallyAsync(() => OpenAsync(tenant), opened => opened);
        }

        var refusal = await Assert.ThrowsAsync<RpcException>(() => FollowAsync(stand, "one", 0, until: (_, _) => true));

        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal("5000", refusal.Trailers.GetValue("grpc-retry-pushback-ms"));
        await stop.CancelAsync();
        await stand.EventuallyAsync(() => OpenAsync("one"), opened => opened);

        async Task<bool> OpenAsync(string tenant)
        {
            var call = stand.Predictions.SubscribePredictions(new SubscribePredictionsRequest(), InferenceStand.Caller(tenant), cancellationToken: stop.IsCancellationRequested ? Cancellation : stop.Token);
            try
            {
                return await call.ResponseStream.MoveNext(Cancellation);
            }
            catch (RpcException exception) when (exception.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        }
    }

    private static async Task<List<Prediction>> ListAsync(InferenceStand stand, string tenant, int limit)
    {
        var all = new List<Prediction>();
        var request = new ListPredictionsRequest { Limit = limit };
        while (true)
        {
            var page = await stand.Predictions.ListPredictionsAsync(request, InferenceStand.Caller(tenant), cancellationToken: Cancellation);
            all.AddRange(page.Predictions);
            if (page.Predictions.Count < limit)
                return all;
            request.FromSequence = page.NextSequence;
        }
    }

    // What came, and where to go on.
    private static async Task<(List<Prediction> Seen, long Next)> FollowAsync(InferenceStand stand, string tenant, long from, Func<List<Prediction>, int, bool> until)
    {
        using var call = stand.Predictions.SubscribePredictions(
            new SubscribePredictionsRequest { FromSequence = from }, InferenceStand.Caller(tenant), cancellationToken: Cancellation);
        var (seen, signs, next) = (new List<Prediction>(), 0, 0L);
        await foreach (var message in call.ResponseStream.ReadAllAsync(Cancellation))
        {
            next = message.NextSequence;
            if (message.Prediction is { } prediction)
                seen.Add(prediction);
            else
                signs++;
            if (until(seen, signs))
                break;
        }

        return (seen, next);
    }
}
