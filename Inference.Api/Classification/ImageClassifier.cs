using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Inference.Explanations;
using Melanoma.Inference.Models;
using Melanoma.Inference.Predictions;
using Melanoma.ServiceDefaults.Callers;

namespace Melanoma.Inference.Classification;

/// <summary>Classifies an image: the one way to an answer, whichever protocol the question came by.</summary>
internal sealed class ImageClassifier(
    ModelHost models, InferenceLanes lanes, PredictionWriter audit, IdempotencyKeys keys, InferenceMetrics metrics, TimeProvider time) : IDisposable
{
    private const int MaxCaseReference = 200;

    /// <summary>Drawing decodes again, so no more pictures are drawn at a time than are computed.</summary>
    private readonly SemaphoreSlim _drawing = new(Environment.ProcessorCount);

    /// <summary>Answers when the audit row is durable; a question that was asked before under its key gets the answer of then.</summary>
    /// <exception cref="RpcException">A refusal with its reason.</exception>
    public async Task<ClassifyResponse> ClassifyAsync(ClassificationQuestion question, CancellationToken cancellationToken) =>
        (await CountingRefusalsAsync(question, explained: null, cancellationToken)).Message;

    /// <summary>Answers when the audit row is durable, and says where in the picture the network saw what.</summary>
    /// <param name="question">The question.</param>
    /// <param name="diagnosis">The diagnosis that is explained; null for that of the answer.</param>
    /// <param name="cancellationToken">The caller's patience.</param>
    /// <exception cref="RpcException">A refusal with its reason.</exception>
    public async Task<ExplainResponse> ExplainAsync(ClassificationQuestion question, string? diagnosis, CancellationToken cancellationToken)
    {
        var (message, map) = await CountingRefusalsAsync(question, new Explained(diagnosis), cancellationToken);
        var shown = Parse(diagnosis ?? message.Diagnosis);
        var explanation = new ExplainResponse { Answer = message, Diagnosis = Diagnoses.NameOf(shown), Rows = map!.Rows, Columns = map.Columns };
        explanation.Values.AddRange(map.Of(shown).ToArray());
        await _drawing.WaitAsync(cancellationToken);
        try
        {
            explanation.Overlay = await Task.Run(() => UnsafeByteOperations.UnsafeWrap(HeatOverlay.Draw(question.Image.Span, map, shown)), cancellationToken);
        }
        finally
        {
            _drawing.Release();
        }

        return explanation;
    }

    public void Dispose() => _drawing.Dispose();

    private static Diagnosis Parse(string name) => Diagnoses.TryParse(name, out var diagnosis)
        ? diagnosis
        : throw Refusal.Of(StatusCode.InvalidArgument, $"The diagnosis to explain is none of the nine: {string.Join(", ", Diagnoses.Names)}.");

    private async Task<(ClassifyResponse Message, ActivationMap? Map)> CountingRefusalsAsync(
        ClassificationQuestion question, Explained? explained, CancellationToken cancellationToken)
    {
        try
        {
            return await AnswerAsync(question, explained, cancellationToken);
        }
        catch (RpcException refusal)
        {
            metrics.Refused(refusal.StatusCode.ToString());
            throw;
        }
    }

    private async Task<(ClassifyResponse Message, ActivationMap? Map)> AnswerAsync(
        ClassificationQuestion question, Explained? explained, CancellationToken cancellationToken)
    {
        var arrived = time.GetTimestamp();
        int? pinned = question.ModelVersion is null ? null : Refusal.ParseVersion(question.ModelVersion);
        RequireCaseReference(question.CaseReference);
        if (question.Top is < 1 or > Diagnoses.Count)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"top_k is not from 1 to {Diagnoses.Count}.");
        }

        // The header is judged before the image takes room that others could use.
        if (!ImageInspector.TryInspect(question.Image.Span, ImageLimits.Default, out _, out var unreadable))
        {
            throw Refusal.Image(unreadable);
        }

        var sha256 = question.IdempotencyKey is null ? null : SHA256.HashData(question.Image.Span);
        if (sha256 is not null && await keys.FindAsync(question.Caller.Tenant, question.IdempotencyKey!, cancellationToken) is { } before)
        {
            return (Repeat(before, sha256), null);
        }

        using var lease = pinned is { } version ? await models.LeaseAsync(version, cancellationToken) : await models.LeaseProductionAsync(cancellationToken);
        var properties = lease.Model.Properties;
        RequireExplainable(explained, lease.Model);
        var extra = explained is not null ? AnswerExtra.Map : question.WithConsistency ? AnswerExtra.Views : AnswerExtra.None;
        var result = await lanes.RunAsync(Work(lease.Model, question, extra), cancellationToken);
        if (result.Answer is not { } answer)
        {
            throw Refusal.Image(result.Refusal!);
        }

        var doubts = PictureDoubts.Of(answer, properties);
        var row = new Storage.Predictions.Prediction
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            Time = time.GetUtcNow(),
            Tenant = question.Caller.Tenant,
            Caller = question.Caller.Name,
            CaseReference = question.CaseReference,
            ModelVersion = lease.Model.Version,
            ExecutionProvider = lease.Model.Provider,
            ImageSha256 = sha256 ?? SHA256.HashData(question.Image.Span),
            Probabilities = answer.Probabilities,
            Diagnosis = DiagnosisRule.Decide(answer.Probabilities, properties.ClassPrior, properties.Unsupported),
            Decision = doubts.Count > 0
                ? Contracts.Models.Decision.Indeterminate
                : DecisionRule.Decide(answer.Probabilities[(int)Diagnosis.Melanoma], properties.OperatingPoints!),
            Reasons = [.. doubts.Select(doubt => doubt.Code)],
            LatencyMs = time.GetElapsedTime(arrived).TotalMilliseconds,
        };
        var message = AnswerMessage.Of(row, answer, doubts, lease.Model, question.Top ?? AnswerMessage.DefaultTop);
        var keyed = question.IdempotencyKey is { } key ? new KeyedAnswer(key, message.ToByteArray()) : null;
        if (await audit.WriteAsync(row, keyed, cancellationToken) is { } first)
        {
            return (Repeat(first, row.ImageSha256), null);
        }

        metrics.Answered(row.ModelVersion, row.ExecutionProvider);
        return (message, answer.Map);
    }

    private ClassifyResponse Repeat(FirstAnswer first, byte[] sha256)
    {
        var answer = IdempotencyKeys.Repeat(first, sha256);
        metrics.Repeated();
        return answer;
    }

    private static LaneWork Work(LoadedModel model, ClassificationQuestion question, AnswerExtra extra) => new(
        patience =>
        {
            var answer = model.Classify(question.Image.Span, extra, patience, out var refusal);
            return new LaneResult(answer, refusal);
        },
        extra == AnswerExtra.Views ? SquareSymmetry.Count : 1,
        question.IsBulk);

    private static void RequireExplainable(Explained? explained, LoadedModel model)
    {
        if (explained is null)
        {
            return;
        }

        if (!model.Properties.HasActivationMap)
        {
            throw Refusal.Of(StatusCode.FailedPrecondition, $"Model version {model.Version} has no activation map: its network does not end in a global average.");
        }

        if (explained.Diagnosis is { } name && Parse(name) is var diagnosis && model.Properties.Unsupported.Contains(diagnosis))
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"Model version {model.Version} does not know {Diagnoses.NameOf(diagnosis)}: it was trained on no picture of it.");
        }
    }

    // A NUL is the one character that the database cannot keep.
    private static void RequireCaseReference(string? reference)
    {
        if (reference is { Length: > MaxCaseReference } || reference?.Contains('\0', StringComparison.Ordinal) == true)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"The case reference is longer than {MaxCaseReference} characters or has a NUL in it; send a short pseudonym.");
        }
    }

    /// <summary>That an explanation is wanted, and of which diagnosis; null for that of the answer.</summary>
    private sealed record Explained(string? Diagnosis);
}

/// <summary>A question as every protocol puts it.</summary>
/// <param name="Image">The encoded image.</param>
/// <param name="ModelVersion">The pinned version as text; null for production.</param>
/// <param name="CaseReference">The caller's pseudonym for the case.</param>
/// <param name="Caller">Who asks.</param>
/// <param name="Top">How many of the likeliest diagnoses are to be named; null for the usual number.</param>
/// <param name="WithConsistency">Whether it is wanted how far the answer depends on how the picture was held.</param>
/// <param name="IsBulk">Whether it waits behind all single calls and is not refused for load.</param>
internal sealed record ClassificationQuestion(
    ReadOnlyMemory<byte> Image, string? ModelVersion, string? CaseReference, Caller Caller, int? Top = null, bool WithConsistency = false, bool IsBulk = false)
{
    /// <summary>The caller's name for the question, valid; null where it has none.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>The question of a message.</summary>
    /// <param name="request">The message.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="key">The idempotency key in the headers of the call, where it may stand there.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the idempotency key is none.</exception>
    public static ClassificationQuestion Of(ClassifyRequest request, Caller caller, string? key = null) => new(
        request.Image.Memory,
        request.HasModelVersion ? request.ModelVersion : null,
        request.HasCaseReference ? request.CaseReference : null,
        caller,
        request.HasTopK ? request.TopK : null,
        request.Consistency)
    {
        IdempotencyKey = IdempotencyKeys.Choose(request.HasIdempotencyKey ? request.IdempotencyKey : null, key),
    };
}
