using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Classification;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Predictions;

/// <summary>Reads the audit trail. A tenant sees its own rows; those of others do not exist for it.</summary>
internal sealed class PredictionsService(IDbContextFactory<MelanomaDbContext> databases) : Contracts.V1.Predictions.PredictionsBase
{
    public override async Task<Prediction> GetPrediction(GetPredictionRequest request, ServerCallContext context)
    {
        if (!Guid.TryParse(request.PredictionId, out var id))
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "The prediction id is not a UUID; it is the prediction_id of an answer.");
        }

        var tenant = context.GetCaller().Tenant;
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var row = await database.Predictions.AsNoTracking().SingleOrDefaultAsync(prediction => prediction.Tenant == tenant && prediction.Id == id, context.CancellationToken)
            ?? throw Refusal.Of(StatusCode.NotFound, $"There is no prediction {id}.");
        return ToMessage(row);
    }

    private static Prediction ToMessage(Storage.Predictions.Prediction row)
    {
        var message = new Prediction
        {
            PredictionId = row.Id.ToString(),
            Time = row.Time.ToTimestamp(),
            Caller = row.Caller,
            ModelVersion = row.ModelVersion.ToString(CultureInfo.InvariantCulture),
            ImageSha256 = Convert.ToHexStringLower(row.ImageSha256),
            Diagnosis = Diagnoses.NameOf(row.Diagnosis),
            LatencyMs = row.LatencyMs,
            Decision = Probabilities.ToMessage(row.Decision),
        };
        message.Reasons.AddRange(row.Reasons);
        if (row.CaseReference is { } reference)
        {
            message.CaseReference = reference;
        }

        message.Probabilities.AddRange(Probabilities.ToMessages(row.Probabilities));
        return message;
    }
}
