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
internal sealed class PredictionsService(IDbContextFactory<MelanomaDbContext> databases, PredictionFeed feed) : Contracts.V1.Predictions.PredictionsBase
{
    private const int DefaultPage = 100;
    private const int MaxPage = 1000;

    public override async Task<Prediction> GetPrediction(GetPredictionRequest request, ServerCallContext context)
    {
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var row = await OwnPrediction.FindAsync(database, request.PredictionId, context.GetCaller(), context.CancellationToken);
        var sequence = await database.PredictionSeals.Where(seal => seal.PredictionId == row.Id).Select(seal => (long?)seal.TenantSequence).SingleOrDefaultAsync(context.CancellationToken);
        return ToMessage(row, sequence ?? 0);
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

    public override async Task<ListPredictionsResponse> ListPredictions(ListPredictionsRequest request, ServerCallContext context)
    {
        if (request.Limit is < 0 or > MaxPage)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"limit is not from 1 to {MaxPage}.");
        }

        var tenant = context.GetCaller().Tenant;
        var from = await feed.BeginAsync(tenant, request.FromSequence, context.CancellationToken);
        var page = await feed.ReadAsync(tenant, from, request.Limit == 0 ? DefaultPage : request.Limit, context.CancellationToken);
        return new ListPredictionsResponse { Predictions = { page }, NextSequence = from + page.Count };
    }

    public override Task SubscribePredictions(SubscribePredictionsRequest request, IServerStreamWriter<SubscribePredictionsResponse> responseStream, ServerCallContext context) =>
        feed.FollowAsync(context.GetCaller().Tenant, request.FromSequence, responseStream, context.CancellationToken);

    /// <param name="row">The audit row.</param>
    /// <param name="sequence">Its place in the tenant's feed; 0 while it has none.</param>
    internal static Prediction ToMessage(Storage.Predictions.Prediction row, long sequence)
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
            Sequence = sequence,
            ExecutionProvider = row.ExecutionProvider,
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
