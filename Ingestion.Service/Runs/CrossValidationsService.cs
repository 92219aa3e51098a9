using Grpc.Core;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using Run = Melanoma.Storage.Runs.Run;
using WireFigures = Melanoma.Contracts.V1.CrossValidationFigures;
using WireFold = Melanoma.Contracts.V1.FoldFigures;
using WireRun = Melanoma.Contracts.V1.Run;
using WireVocabulary = Melanoma.Contracts.V1.VocabularyFigures;

namespace Melanoma.Ingestion.Runs;

/// <summary>gRPC <c>melanoma.v1.CrossValidations</c>: a run for each fold, and what they come to.</summary>
internal sealed class CrossValidationsService(
    IDbContextFactory<MelanomaDbContext> databases, TrainableDataset datasets, RunReader runs, TimeProvider time)
    : CrossValidations.CrossValidationsBase
{
    private const int ListedAtMost = 100;

    public override async Task<CrossValidation> StartCrossValidation(StartCrossValidationRequest request, ServerCallContext context)
    {
        var parameters = RunParameters.Of(request.Recipe, request.HasEpochs ? request.Epochs : null, request.HasSeed ? request.Seed : null);
        var datasetId = await datasets.FindAsync(request.HasDatasetId ? request.DatasetId : null, DatasetKind.CrossValidation, context.CancellationToken);
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var folds = await database.DatasetGroups.Where(group => group.DatasetId == datasetId).MaxAsync(group => group.Fold, context.CancellationToken) + 1;

        // The database's clock: workers compare it with the one that says when an augmentation failed.
        var requestedAt = await database.Database.SqlQuery<DateTimeOffset>($"SELECT clock_timestamp() AS \"Value\"").SingleAsync(context.CancellationToken);
        var id = Guid.CreateVersion7(time.GetUtcNow());
        for (var fold = 0; fold < folds; fold++)
        {
            var run = new Run
            {
                Id = Guid.CreateVersion7(time.GetUtcNow()),
                Recipe = parameters.Recipe.Name,
                RecipeVersion = parameters.Recipe.Version,
                DatasetId = datasetId,
                DatasetKind = DatasetKind.CrossValidation,
                Epochs = parameters.Epochs,
                Seed = parameters.Seed,
                AugmentationPolicy = parameters.Recipe.Augmentation.Policy,
                SamplesPerClass = parameters.Recipe.Augmentation.SamplesPerClass,
                CrossValidationId = id,
                Fold = fold,
                RequestedAt = requestedAt,
                RequestedBy = context.GetCaller().Name,
            };
            database.Runs.Add(run);
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Ingestion, new RunRequested(run.Id)));
        }

        await database.SaveChangesAsync(context.CancellationToken);
        return await FindAsync(id, context.CancellationToken);
    }

    public override Task<CrossValidation> GetCrossValidation(GetCrossValidationRequest request, ServerCallContext context) =>
        FindAsync(ParseId(request.CrossValidationId), context.CancellationToken);

    public override async Task<ListCrossValidationsResponse> ListCrossValidations(ListCrossValidationsRequest request, ServerCallContext context)
    {
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var newest = await database.Runs.Where(run => run.Fold == 0).OrderByDescending(run => run.RequestedAt).ThenByDescending(run => run.Id)
            .Select(run => run.CrossValidationId!.Value).Take(ListedAtMost).ToListAsync(context.CancellationToken);
        var listed = await ReadAsync(newest, context.CancellationToken);
        return new ListCrossValidationsResponse { CrossValidations = { newest.Select(id => listed[id]) } };
    }

    public override async Task<CrossValidation> CancelCrossValidation(CancelCrossValidationRequest request, ServerCallContext context)
    {
        var id = ParseId(request.CrossValidationId);
        var found = await FindAsync(id, context.CancellationToken);
        if (found.Folds.All(run => run.State is RunState.Completed or RunState.Failed or RunState.Cancelled))
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"All runs of cross-validation {id} have ended already."));
        }

        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        await database.Database.ExecuteSqlAsync(
            $"""
            WITH called AS (
                UPDATE runs SET cancel_requested_at = now() WHERE cross_validation_id = {id} AND cancel_requested_at IS NULL
                    AND NOT EXISTS (SELECT FROM run_executions WHERE run_id = runs.id AND ended_at IS NOT NULL) RETURNING id)
            SELECT pg_notify({MelanomaDatabase.RunsChannel}, id::text) FROM called
            """, context.CancellationToken);
        return await FindAsync(id, context.CancellationToken);
    }

    private async Task<CrossValidation> FindAsync(Guid id, CancellationToken cancellationToken) =>
        (await ReadAsync([id], cancellationToken)).GetValueOrDefault(id)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no cross-validation {id}."));

    private async Task<Dictionary<Guid, CrossValidation>> ReadAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken)
    {
        var folds = await runs.ListAsync(all => all.Where(run => ids.Contains(run.CrossValidationId!.Value)), cancellationToken);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var reports = await database.CrossValidationReports.AsNoTracking().Where(report => ids.Contains(report.Id))
            .ToDictionaryAsync(report => report.Id, report => report.Report, cancellationToken);
        var warnings = await ReadWarningsAsync(database, [.. folds.Select(run => run.DatasetId).Distinct()], cancellationToken);
        return folds.GroupBy(run => run.CrossValidationId).ToDictionary(group => Guid.Parse(group.Key), group =>
        {
            var found = ToWire([.. group.OrderBy(run => run.Fold)], reports.TryGetValue(Guid.Parse(group.Key), out var report) ? report : null);
            found.DatasetWarnings.AddRange(warnings[found.DatasetId]);
            return found;
        });
    }

    private static async Task<ILookup<int, string>> ReadWarningsAsync(MelanomaDbContext database, int[] ids, CancellationToken cancellationToken)
    {
        var stated = await database.Datasets.AsNoTracking().Where(dataset => ids.Contains(dataset.Id))
            .Select(dataset => new { dataset.Id, dataset.Warnings }).ToListAsync(cancellationToken);
        var divided = await DividedLesions.CountAsync(database, ids, cancellationToken);
        var forgotten = await database.DatasetItems.Where(item => ids.Contains(item.DatasetId))
            .Join(database.Images.Where(image => image.ForgottenAt != null), item => item.ImageId, image => image.Id, (item, _) => item.DatasetId)
            .GroupBy(id => id).Select(group => new { group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        return stated.SelectMany(dataset => dataset.Warnings.Select(warning => (dataset.Id, Warning: warning)))
            .Concat(divided.Select(dataset => (dataset.Key, $"{dataset.Value} lesions turned out to be in two folds after the dataset was made: figures on it are too good.")))
            .Concat(forgotten.Select(dataset => (dataset.Key, $"{dataset.Count} of its images were forgotten since.")))
            .ToLookup(warning => warning.Item1, warning => warning.Item2);
    }

    private static CrossValidation ToWire(WireRun[] folds, string? report) => new()
    {
        CrossValidationId = folds[0].CrossValidationId,
        Recipe = folds[0].Recipe,
        DatasetId = folds[0].DatasetId,
        Epochs = folds[0].Epochs,
        Seed = folds[0].Seed,
        RequestedAt = folds[0].RequestedAt,
        RequestedBy = folds[0].RequestedBy,
        Folds = { folds },
        Figures = report is null ? null : ToWire(Contracts.Models.CrossValidationFigures.FromJson(report)),
    };

    private static WireFigures ToWire(Contracts.Models.CrossValidationFigures figures) => new() { Folds = { figures.Folds.Select(ToWire) }, All = ToWire(figures.All) };

    private static WireFold ToWire(Contracts.Models.FoldFigures figures)
    {
        var fold = new WireFold { Diagnoses = ToWire(figures.Diagnoses), Ham10000 = ToWire(figures.Ham10000) };
        if (figures.Fold is { } number)
        {
            fold.Fold = number;
        }

        return fold;
    }

    private static WireVocabulary ToWire(Contracts.Models.VocabularyFigures figures) => new()
    {
        Images = figures.Images,
        Groups = figures.Groups,
        Accuracy = ToWire(figures.Accuracy, figures.AccuracyInterval),
        BalancedAccuracy = ToWire(figures.BalancedAccuracy, figures.BalancedAccuracyInterval),
        MelanomaAuc = figures is { MelanomaAuc: { } auc, MelanomaAucInterval: { } interval } ? ToWire(auc, interval) : null,
    };

    private static Estimate ToWire(double value, Interval interval) => new() { Value = value, Low = interval.Low, High = interval.High };

    private static Guid ParseId(string id) => Guid.TryParse(id, out var parsed)
        ? parsed
        : throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{id}' is not the id of a cross-validation: it must be a UUID."));
}
