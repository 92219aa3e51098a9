using Grpc.Core;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Prediction = Melanoma.Storage.Predictions.Prediction;

namespace Melanoma.Inference.Predictions;

/// <summary>Finds the audit row of an answer for its tenant; those of others do not exist.</summary>
internal static class OwnPrediction
{
    /// <exception cref="RpcException">INVALID_ARGUMENT: the id is not a UUID. NOT_FOUND: the caller's tenant has no answer of this id.</exception>
    public static async Task<Prediction> FindAsync(MelanomaDbContext database, string predictionId, Caller caller, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(predictionId, out var id))
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "The prediction id is not a UUID; it is the prediction_id of an answer.");
        }

        return await database.Predictions.AsNoTracking().SingleOrDefaultAsync(prediction => prediction.Tenant == caller.Tenant && prediction.Id == id, cancellationToken)
            ?? throw Refusal.Of(StatusCode.NotFound, $"There is no prediction {id}.");
    }
}
