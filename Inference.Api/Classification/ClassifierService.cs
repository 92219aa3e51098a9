using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Inference.Classification;

/// <summary>The question by gRPC, and by JSON through transcoding.</summary>
internal sealed class ClassifierService(ImageClassifier classifier) : Classifier.ClassifierBase
{
    public override async Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context)
    {
        var question = new ClassificationQuestion(
            request.Image.Memory,
            request.HasModelVersion ? request.ModelVersion : null,
            request.HasCaseReference ? request.CaseReference : null,
            context.GetCaller());
        try
        {
            return await classifier.ClassifyAsync(question, context.CancellationToken);
        }
        catch (RpcException refusal) when (Refusal.RetryAfterMs(refusal) is { } milliseconds)
        {
            // JSON has no trailers: the delay also stands where HTTP clients look.
            context.GetHttpContext().Response.Headers.RetryAfter = RetryAfterSeconds(milliseconds);
            throw;
        }
    }

    internal static string RetryAfterSeconds(int milliseconds) => ((milliseconds + 999) / 1000).ToString(CultureInfo.InvariantCulture);
}
