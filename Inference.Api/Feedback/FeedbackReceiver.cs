using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Inference.Predictions;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Predictions;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Prediction = Melanoma.Storage.Predictions.Prediction;
using Verdict = Melanoma.Storage.Predictions.FeedbackVerdict;

namespace Melanoma.Inference.Feedback;

/// <summary>
/// Takes what a caller says of an answer: the row, its image if it brings one, and the message that wakes Ingestion, in one transaction. The same said again is the row
/// that is there; something else is a further row, which counts from then on.
/// </summary>
internal sealed class FeedbackReceiver(IDbContextFactory<MelanomaDbContext> databases, InferenceMetrics metrics, TimeProvider time)
{
    private const int MaxComment = 2000;
    private const int MaxPerPrediction = 100;
    private const int MaxWaitingImages = 1000;
    private const int Attempts = 5;

    /// <summary>The finest step of the database's time.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMicroseconds(1);

    /// <exception cref="RpcException">A refusal with its reason.</exception>
    public async Task<SendFeedbackResponse> ReceiveAsync(SendFeedbackRequest request, Caller caller, CancellationToken cancellationToken)
    {
        var comment = ParseComment(request.HasComment ? request.Comment : "");
        Prediction prediction;
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        {
            prediction = await OwnPrediction.FindAsync(database, request.PredictionId, caller, cancellationToken);
            await RequireImageAsync(request, prediction, database, cancellationToken);
        }

        var (verdict, diagnosis) = Judge(request, prediction.Diagnosis);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await WriteAsync(prediction, verdict, diagnosis, comment, request, caller, cancellationToken);
            }
            catch (DbUpdateException exception) when (attempt < Attempts && exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
            {
                // The same caller said something at the same moment; what it was is read now.
            }
        }
    }

    private async Task<SendFeedbackResponse> WriteAsync(
        Prediction prediction, Verdict verdict, Diagnosis? diagnosis, string comment, SendFeedbackRequest request, Caller caller, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var last = await database.Feedback.AsNoTracking()
            .Where(said => said.PredictionId == prediction.Id && said.Tenant == caller.Tenant && said.Caller == caller.Name)
            .OrderByDescending(said => said.Number).FirstOrDefaultAsync(cancellationToken);
        if (last is not null && (last.Verdict, last.Diagnosis, last.Comment) == (verdict, diagnosis, comment) && (last.BroughtImage || !request.HasImage))
        {
            return Answer(last, alreadyGiven: true);
        }

        if (last is { Number: >= MaxPerPrediction })
        {
            throw Refusal.Of(StatusCode.FailedPrecondition, $"This key has judged the prediction {MaxPerPrediction} times, and no more is taken about it.");
        }

        var now = time.GetUtcNow();
        var feedback = new PredictionFeedback
        {
            Id = Guid.CreateVersion7(now),
            Time = last is not null && last.Time >= now ? last.Time + Step : now,
            Tenant = caller.Tenant,
            Caller = caller.Name,
            PredictionId = prediction.Id,
            Number = (last?.Number ?? 0) + 1,
            ImageSha256 = prediction.ImageSha256,
            ModelVersion = prediction.ModelVersion,
            AnsweredDiagnosis = prediction.Diagnosis,
            Verdict = verdict,
            Diagnosis = diagnosis,
            Comment = comment,
            BroughtImage = request.HasImage,
        };
        database.Feedback.Add(feedback);
        database.Outbox.Add(OutboxMessage.For(ServiceRole.Inference, new FeedbackGiven(feedback.Id)));
        await database.SaveChangesAsync(cancellationToken);
        if (request.HasImage)
        {
            // Each goes when Ingestion has taken it; so many only wait where Ingestion does not come to it.
            if (await database.FeedbackImages.CountAsync(cancellationToken) >= MaxWaitingImages)
            {
                throw Refusal.Busy(TimeSpan.FromMinutes(1), "Too many images of earlier feedback are waiting to be taken in; try again later, or send the feedback without the image.");
            }

            var bytes = request.Image.ToByteArray();
            await database.Database.ExecuteSqlAsync($"INSERT INTO feedback_images (feedback_id, bytes) VALUES ({feedback.Id}, {bytes})", cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        metrics.FeedbackGiven(verdict.ToString());
        return Answer(feedback, alreadyGiven: false);
    }

    private static SendFeedbackResponse Answer(PredictionFeedback feedback, bool alreadyGiven) => new()
    {
        FeedbackId = feedback.Id.ToString(),
        Time = feedback.Time.ToTimestamp(),
        AlreadyGiven = alreadyGiven,
        ImageTaken = feedback.BroughtImage,
    };

    private static (Verdict Verdict, Diagnosis? Diagnosis) Judge(SendFeedbackRequest request, Diagnosis answered)
    {
        Diagnosis? named = !request.HasDiagnosis ? null : Diagnoses.TryParse(request.Diagnosis, out var diagnosis)
            ? diagnosis
            : throw Refusal.Of(StatusCode.InvalidArgument, $"The diagnosis is none of the nine: {string.Join(", ", Diagnoses.Names)}.");
        return request.Verdict switch
        {
            Contracts.V1.FeedbackVerdict.Agree when named is { } other && other != answered => throw Refusal.Of(
                StatusCode.InvalidArgument, $"The answer was {Diagnoses.NameOf(answered)}. To say that it is {Diagnoses.NameOf(other)}, disagree."),
            Contracts.V1.FeedbackVerdict.Agree => (Verdict.Agree, answered),
            Contracts.V1.FeedbackVerdict.Disagree when named == answered => throw Refusal.Of(
                StatusCode.InvalidArgument, $"The answer was {Diagnoses.NameOf(answered)}. To say that it is right, agree; else name another diagnosis, or none."),
            Contracts.V1.FeedbackVerdict.Disagree => (Verdict.Disagree, named),
            _ => throw Refusal.Of(StatusCode.InvalidArgument, "The verdict is missing: AGREE or DISAGREE."),
        };
    }

    private static string ParseComment(string text)
    {
        var comment = text.Trim();
        if (comment.Length > MaxComment)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"The comment has {comment.Length} characters; at most {MaxComment} are taken. Shorten it.");
        }

        return comment.Any(char.IsControl)
            ? throw Refusal.Of(StatusCode.InvalidArgument, "The comment has control characters, for example a line break. Write it on one line.")
            : comment;
    }

    // What has this hash was decoded when it was classified, so it need not be decoded again.
    private static async Task RequireImageAsync(SendFeedbackRequest request, Prediction prediction, MelanomaDbContext database, CancellationToken cancellationToken)
    {
        if (!request.HasImage)
        {
            return;
        }

        var limit = ImageLimits.Default.MaxBytes;
        if (request.Image.Length > limit)
        {
            throw Refusal.Of(
                StatusCode.InvalidArgument, string.Create(CultureInfo.InvariantCulture, $"The image has more than {limit / 1048576.0:0.#} MiB, which is the most that is taken."));
        }

        if (!SHA256.HashData(request.Image.Span).AsSpan().SequenceEqual(prediction.ImageSha256))
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "The image is not the one that was classified: send the same bytes, or leave the image out.");
        }

        if (await database.Images.AnyAsync(image => image.Sha256 == prediction.ImageSha256 && image.ForgottenAt != null, cancellationToken))
        {
            throw Refusal.Of(StatusCode.FailedPrecondition, "This picture was forgotten on somebody's request, and is not taken in again. Send the feedback without the image.");
        }
    }
}
