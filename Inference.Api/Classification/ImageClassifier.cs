using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Inference.Models;
using Melanoma.Inference.Predictions;
using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Inference.Classification;

/// <summary>Classifies an image: the one way to an answer, whichever protocol the question came by.</summary>
internal sealed class ImageClassifier(ModelHost models, InferenceLanes lanes, PredictionWriter audit, InferenceMetrics metrics, TimeProvider time)
{
    private const int MaxCaseReference = 200;
    private const string HonestKind = "honest";
    private const string Notice = "For research, not a medical device.";
    private const string LeakyNotice = Notice + " This version was trained by the leaky protocol, which serves comparisons alone.";

    /// <summary>Answers when the audit row is durable.</summary>
    /// <exception cref="RpcException">A refusal with its reason.</exception>
    public async Task<ClassifyResponse> ClassifyAsync(ClassificationQuestion question, CancellationToken cancellationToken)
    {
        try
        {
            return await AnswerAsync(question, cancellationToken);
        }
        catch (RpcException refusal)
        {
            metrics.Refused(refusal.StatusCode.ToString());
            throw;
        }
    }

    private async Task<ClassifyResponse> AnswerAsync(ClassificationQuestion question, CancellationToken cancellationToken)
    {
        var arrived = time.GetTimestamp();
        int? pinned = question.ModelVersion is null ? null : Refusal.ParseVersion(question.ModelVersion);
        RequireCaseReference(question.CaseReference);

        // The header is judged before the image takes room that others could use.
        if (!ImageInspector.TryInspect(question.Image.Span, ImageLimits.Default, out _, out var unreadable))
        {
            throw Refusal.Image(unreadable);
        }

        using var lease = pinned is { } version ? await models.LeaseAsync(version, cancellationToken) : await models.LeaseProductionAsync(cancellationToken);
        var result = await lanes.RunAsync(lease, question.Image, cancellationToken);
        if (result.Refusal is { } refused)
        {
            throw Refusal.Image(refused);
        }

        var row = new Storage.Predictions.Prediction
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            Time = time.GetUtcNow(),
            Tenant = question.Caller.Tenant,
            Caller = question.Caller.Name,
            CaseReference = question.CaseReference,
            ModelVersion = lease.Model.Version,
            ExecutionProvider = lease.Model.Provider,
            ImageSha256 = SHA256.HashData(question.Image.Span),
            Probabilities = result.Probabilities,
            Diagnosis = DiagnosisRule.Decide(result.Probabilities, lease.Model.Properties.ClassPrior, lease.Model.Properties.Unsupported),
            LatencyMs = time.GetElapsedTime(arrived).TotalMilliseconds,
        };
        await audit.WriteAsync(row, cancellationToken);
        metrics.Answered(row.ModelVersion, row.ExecutionProvider);
        return ToMessage(row, lease.Model.Properties.DatasetKind == HonestKind ? Notice : LeakyNotice);
    }

    // A NUL is the one character that the database cannot keep.
    private static void RequireCaseReference(string? reference)
    {
        if (reference is { Length: > MaxCaseReference } || reference?.Contains('\0', StringComparison.Ordinal) == true)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"The case reference is longer than {MaxCaseReference} characters or has a NUL in it; send a short pseudonym.");
        }
    }

    private static ClassifyResponse ToMessage(Storage.Predictions.Prediction row, string notice)
    {
        var message = new ClassifyResponse
        {
            Diagnosis = Diagnoses.NameOf(row.Diagnosis),
            MelanomaProbability = row.Probabilities[(int)Diagnosis.Melanoma],
            ModelVersion = row.ModelVersion.ToString(CultureInfo.InvariantCulture),
            PredictionId = row.Id.ToString(),
            Notice = notice,
        };
        message.Probabilities.AddRange(Probabilities.ToMessages(row.Probabilities));
        return message;
    }
}

/// <summary>A question as every protocol puts it.</summary>
/// <param name="Image">The encoded image.</param>
/// <param name="ModelVersion">The pinned version as text; null for production.</param>
/// <param name="CaseReference">The caller's pseudonym for the case.</param>
/// <param name="Caller">Who asks.</param>
internal sealed record ClassificationQuestion(ReadOnlyMemory<byte> Image, string? ModelVersion, string? CaseReference, Caller Caller);
