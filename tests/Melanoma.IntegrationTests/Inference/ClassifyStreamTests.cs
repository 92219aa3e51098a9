using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>Many questions over one call.</summary>
public sealed class ClassifyStreamTests(ClassifyStreamTests.OneService service, TestServers servers) : IClassFixture<ClassifyStreamTests.OneService>
{
    private const int Lanes = 2;

    private static readonly byte[] Red = InferenceStand.Picture(220, 60, 60);

    /// <summary>Takes a lane for long enough that calls beside it can be seen.</summary>
    private static readonly byte[] Large = InferenceStand.Picture(200, 100, 50, size: 1000);

    public sealed class OneService(TestServers servers) : SharedStand(servers, ("Classification__Lanes", "2"), ("Classification__BulkStreams", "4"));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_answer_as_Classify_does_and_refuse_broken_pictures_alone()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion));
        var random = new Random(1);
        var pictures = Enumerable.Range(0, 60).ToDictionary(
            number => $"picture {number}", number => InferenceStand.Picture((byte)random.Next(20, 235), (byte)random.Next(20, 235), (byte)random.Next(20, 235), number));
        var questions = pictures.Select(picture => Question(picture.Key, picture.Value)).ToList();
        var unknown = Question("unknown version", Red);
        unknown.Request.ModelVersion = "4711";
        questions.Insert(30, Question("no picture", "not a picture"u8.ToArray()));
        questions.Insert(31, new ClassifyStreamRequest { Key = "nothing" });
        questions.Insert(32, Question("cut", Red[..(Red.Length / 2)]));
        questions.Insert(33, unknown);

        var answers = (await AskAsync(stand, questions)).ToDictionary(answer => answer.Key);

        Assert.Equal(questions.Select(question => question.Key).Order(), answers.Keys.Order());
        Assert.Equal((int)StatusCode.InvalidArgument, answers["no picture"].Refusal.Code);
        Assert.Contains("not a picture", answers["no picture"].Refusal.Message, StringComparison.Ordinal);
        Assert.Contains("empty", answers["nothing"].Refusal.Message, StringComparison.Ordinal);
        Assert.Equal(((int)StatusCode.InvalidArgument, (int)StatusCode.NotFound), (answers["cut"].Refusal.Code, answers["unknown version"].Refusal.Code));
        foreach (var (key, picture) in pictures)
        {
            var alone = await stand.Classifier.ClassifyAsync(InferenceStand.Request(picture), InferenceStand.Caller(), cancellationToken: Cancellation);
            Assert.Equal(alone, new ClassifyResponse(answers[key].Answer) { PredictionId = alone.PredictionId });
        }
    }

    [Fact]
    public async Task Should_answer_single_calls_while_bulk_goes_on_and_leave_them_a_lane()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var answered = 0;
        var streams = Enumerable.Range(0, 2).Select(_ => AskAsync(stand, Endless(Large, stop.Token), _ => Interlocked.Increment(ref answered))).ToList();
        await stand.EventuallyAsync(stand.LoadAsync, load => load is { LanesWithBulk: Lanes - 1, WaitingBulkImages: > 0 });

        for (var call = 0; call < 30; call++)
        {
            await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red), InferenceStand.Caller(), cancellationToken: Cancellation);
            Assert.InRange((await stand.LoadAsync()).LanesWithBulk, 0, Lanes - 1);
        }

        var then = Volatile.Read(ref answered);
        await stand.EventuallyAsync(() => Task.FromResult(Volatile.Read(ref answered)), count => count > then);
        await stop.CancelAsync();
        var answers = await Task.WhenAll(streams);
        Assert.All(answers.SelectMany(answer => answer), answer => Assert.Equal(ClassifyStreamResponse.OutcomeOneofCase.Answer, answer.OutcomeCase));
        await stand.EmptyAsync();
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_the_caller_is_gone_in_the_middle()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        using (var call = stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation))
        {
            for (var number = 0; number < Lanes + 1; number++)
            {
                await call.RequestStream.WriteAsync(Question("large", Large), Cancellation);
            }

            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        }

        await stand.EmptyAsync();
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Red)));
    }

    [Fact]
    public async Task Should_refuse_a_stream_with_a_delay_when_enough_are_open()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        using var first = stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation);
        using var second = stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation);
        await stand.EventuallyAsync(stand.LoadAsync, load => load.BulkStreams == 2);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => AskAsync(stand, [Question("one", Red)]));

        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal("5000", refusal.Trailers.GetValue("grpc-retry-pushback-ms"));
        Assert.StartsWith("2 streams of questions of this tenant are open", refusal.Status.Detail, StringComparison.Ordinal);
        using (var third = stand.Classifier.ClassifyStream(InferenceStand.Caller("general"), cancellationToken: Cancellation))
        using (var fourth = stand.Classifier.ClassifyStream(InferenceStand.Caller("general"), cancellationToken: Cancellation))
        {
            await stand.EventuallyAsync(stand.LoadAsync, load => load.BulkStreams == 4);
            using var fifth = stand.Classifier.ClassifyStream(InferenceStand.Caller("mercy"), cancellationToken: Cancellation);
            var full = await Assert.ThrowsAsync<RpcException>(() => fifth.ResponseStream.MoveNext(Cancellation));
            Assert.StartsWith("4 streams of questions are open", full.Status.Detail, StringComparison.Ordinal);
        }

        await stand.EventuallyAsync(stand.LoadAsync, load => load.BulkStreams == 2);
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Red)));
        await first.RequestStream.CompleteAsync();
        Assert.False(await first.ResponseStream.MoveNext(Cancellation));
        await stand.EventuallyAsync(stand.LoadAsync, load => load.BulkStreams == 1);
        Assert.Equal("one", Assert.Single(await AskAsync(stand, [Question("one", Red)])).Key);
    }

    [Fact]
    public async Task Should_answer_what_came_before_when_a_key_is_too_long()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var longest = new string('ä', 200);
        var answers = new List<ClassifyStreamResponse>();

        var refusal = await Assert.ThrowsAsync<RpcException>(() => AskAsync(stand, [Question(longest, Red), Question(longest + "x", Red)], answers.Add));

        Assert.Equal((StatusCode.InvalidArgument, "A key has 201 characters; at most 200 are taken."), (refusal.StatusCode, refusal.Status.Detail));
        Assert.Equal(longest, Assert.Single(answers).Key);
    }

    [Fact]
    public async Task Should_answer_what_it_has_read_and_ask_for_a_new_stream_when_it_stops()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Classification__Lanes", "2"));
        await stand.RegisterAndPromoteAsync(new TestModel());
        var answers = new List<ClassifyStreamResponse>();
        var some = new TaskCompletionSource();
        var asking = AskAsync(stand, Endless(Large, Cancellation), answer =>
        {
            answers.Add(answer);
            some.TrySetResult();
        });
        await some.Task.WaitAsync(Cancellation);

        Assert.Equal(0, await stand.Service.StopAsync(Cancellation));
        var refusal = await Assert.ThrowsAsync<RpcException>(() => asking);

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        Assert.Equal("The service is stopping; send what has no answer yet on a new stream.", refusal.Status.Detail);
        Assert.All(answers, answer => Assert.Equal(ClassifyStreamResponse.OutcomeOneofCase.Answer, answer.OutcomeCase));
        await using var database = stand.Database();
        Assert.Equal(database.Predictions.Select(prediction => prediction.Id).AsEnumerable().Order(), answers.Select(answer => Guid.Parse(answer.Answer.PredictionId)).Order());
    }

    private static ClassifyStreamRequest Question(string key, byte[] picture) => new() { Key = key, Request = InferenceStand.Request(picture) };

    private static IEnumerable<ClassifyStreamRequest> Endless(byte[] picture, CancellationToken enough)
    {
        for (var number = 0; !enough.IsCancellationRequested; number++)
        {
            yield return Question(number.ToString(CultureInfo.InvariantCulture), picture);
        }
    }

    /// <summary>Sends all questions as fast as they are taken, and reads meanwhile.</summary>
    private static async Task<List<ClassifyStreamResponse>> AskAsync(InferenceStand stand, IEnumerable<ClassifyStreamRequest> questions, Action<ClassifyStreamResponse>? onAnswer = null)
    {
        using var call = stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation);
        var sending = SendAsync(call, questions);
        var answers = new List<ClassifyStreamResponse>();
        await foreach (var answer in call.ResponseStream.ReadAllAsync(Cancellation))
        {
            answers.Add(answer);
            onAnswer?.Invoke(answer);
        }

        await sending;
        return answers;
    }

    private static async Task SendAsync(AsyncDuplexStreamingCall<ClassifyStreamRequest, ClassifyStreamResponse> call, IEnumerable<ClassifyStreamRequest> questions)
    {
        try
        {
            foreach (var question in questions)
            {
                await call.RequestStream.WriteAsync(question, Cancellation);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The other side ended the stream; its reason stands in the answers.
        }
    }
}
