using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Feedback;
using Melanoma.Inference.Predictions;
using Melanoma.ServiceDefaults.Callers;

namespace Melanoma.Inference.Classification;

/// <summary>The question by gRPC, and by JSON through transcoding.</summary>
internal sealed class ClassifierService(ImageClassifier classifier, BulkStreams streams, FeedbackReceiver feedback) : Classifier.ClassifierBase
{
    public override Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context)
    {
        var question = ClassificationQuestion.Of(request, context.GetCaller(), context.RequestHeaders.GetValue(IdempotencyKeys.HeaderName));
        return AnswerAsync(() => classifier.ClassifyAsync(question, context.CancellationToken), context);
    }

    public override Task ClassifyStream(IAsyncStreamReader<ClassifyStreamRequest> requestStream, IServerStreamWriter<ClassifyStreamResponse> responseStream, ServerCallContext context) =>
        streams.ServeAsync(requestStream, responseStream, context.GetCaller(), context.CancellationToken);

    public override Task<ExplainResponse> Explain(ExplainRequest request, ServerCallContext context)
    {
        var question = new ClassificationQuestion(
            request.Image.Memory,
            request.HasModelVersion ? request.ModelVersion : null,
            request.HasCaseReference ? request.CaseReference : null,
            context.GetCaller());
        return AnswerAsync(() => classifier.ExplainAsync(question, request.HasDiagnosis ? request.Diagnosis : null, context.CancellationToken), context);
    }

    public override Task<SendFeedbackResponse> SendFeedback(SendFeedbackRequest request, ServerCallContext context) =>
        feedback.ReceiveAsync(request, context.GetCaller(), context.CancellationToken);

    private static async Task<T> AnswerAsync<T>(Func<Task<T>> answer, ServerCallContext context)
    {
        try
        {
            return await answer();
        }
        catch (RpcException refusal) when (Refusal.RetryPushbackMs(refusal) is { } milliseconds)
        {
            // JSON has no trailers: the delay also stands where HTTP clients look.
            context.GetHttpContext().Response.Headers.RetryAfter = RetryAfterSeconds(milliseconds);
            throw;
        }
    }

    internal static string RetryAfterSeconds(int milliseconds) => ((milliseconds + 999) / 1000).ToString(CultureInfo.InvariantCulture);
}
