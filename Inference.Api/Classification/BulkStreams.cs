using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Grpc;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Classification;

/// <summary>The streams of questions that are open, a bounded number of them.</summary>
internal sealed class BulkStreams(
    IOptions<ClassificationOptions> options, ImageClassifier classifier, InferenceLanes lanes, HeldBytes held, InferenceMetrics metrics, IHostApplicationLifetime lifetime)
{
    private readonly StreamSlots _slots = new(options.Value.BulkStreams, "streams of questions", metrics);

    /// <summary>How many are open.</summary>
    public int Open => _slots.Open;

    /// <summary>Answers a stream's questions until it ends.</summary>
    /// <param name="questions">What is asked.</param>
    /// <param name="answers">Where answers go.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="cancellationToken">Tells that the caller has gone away.</param>
    /// <exception cref="RpcException">The stream is refused, or ended before its caller did.</exception>
    public async Task ServeAsync(
        IAsyncStreamReader<ClassifyStreamRequest> questions, IServerStreamWriter<ClassifyStreamResponse> answers, Caller caller, CancellationToken cancellationToken)
    {
        using var slot = _slots.Enter(caller.Tenant);

        // One question more than there are lanes: while one answer is written, all of them have work.
        using var stream = new BulkStream(questions, answers, question => AnswerAsync(question, caller, cancellationToken), held, lifetime.ApplicationStopping, cancellationToken);
        await stream.ServeAsync(lanes.Count + 1);
    }

    // What befalls one picture is its own answer; only a defect ends the stream.
    private async Task<ClassifyStreamResponse> AnswerAsync(ClassifyStreamRequest question, Caller caller, CancellationToken cancellationToken)
    {
        try
        {
            var request = question.Request ?? new ClassifyRequest();
            var answer = await classifier.ClassifyAsync(ClassificationQuestion.Of(request, caller) with { IsBulk = true }, cancellationToken);
            return new ClassifyStreamResponse { Key = question.Key, Answer = answer };
        }
        catch (RpcException refusal)
        {
            return Refused(question, refusal);
        }
        catch (Exception exception) when (ExceptionInterceptor.IsDatabaseLost(exception))
        {
            return Refused(question, ExceptionInterceptor.DatabaseLost());
        }
    }

    private static ClassifyStreamResponse Refused(ClassifyStreamRequest question, RpcException refusal) =>
        new() { Key = question.Key, Refusal = new ClassifyRefusal { Code = (int)refusal.StatusCode, Message = refusal.Status.Detail } };
}
