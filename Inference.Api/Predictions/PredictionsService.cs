using System.Globalization;
using Google.Api;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Classification;
using Melanoma.Inference.Fhir;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Predictions;

/// <summary>Reads the audit trail. A tenant sees its own rows; those of others do not exist for it.</summary>
internal sealed class PredictionsService(IDbContextFactory<MelanomaDbContext> databases) : Contracts.V1.Predictions.PredictionsBase
{
    public override async Task<Prediction> GetPrediction(GetPredictionRequest request, ServerCallContext context)
    {
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        return ToMessage(await OwnPrediction.FindAsync(database, request.PredictionId, context.GetCaller(), context.CancellationToken));
    }

    public override async Task<HttpBody> GetPredictionBundle(GetPredictionBundleRequest request, ServerCallContext context)
    {
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var row = await OwnPrediction.FindAsync(database, request.PredictionId, context.GetCaller(), context.CancellationToken);
        var model = await (
            from version in database.ModelVersions
            join artefact in database.ModelArtefacts on new { version.Version, Precision = version.ServedPrecision } equals new { artefact.Version, artefact.Precision }
            where version.Version == row.ModelVersion
            select new ServedVersion(version.Version, version.Recipe, artefact.Precision, artefact.Sha256, version.DatasetKind == Storage.Datasets.DatasetKind.Honest))
            .SingleAsync(context.CancellationToken);
        var json = PredictionBundle.ToJson(PredictionBundle.Of(row, model));
        return new HttpBody { ContentType = PredictionBundle.MediaType, Data = UnsafeByteOperations.UnsafeWrap(json) };
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
