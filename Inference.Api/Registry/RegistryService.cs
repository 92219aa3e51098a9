using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Classification;
using Melanoma.Inference.Models;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Melanoma.Storage.Models;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using ModelState = Melanoma.Contracts.V1.ModelState;
using ModelTransition = Melanoma.Contracts.V1.ModelTransition;

namespace Melanoma.Inference.Registry;

/// <summary>The registry for people and programs: what versions there are, and which one answers.</summary>
internal sealed class RegistryService(
    IDbContextFactory<MelanomaDbContext> databases, NpgsqlDataSource dataSource, Promotions promotions, TestComparer comparer, ModelHost models,
    ModelReports reports, ServingLoads loads, IHostApplicationLifetime lifetime) : ModelRegistry.ModelRegistryBase
{
    private const int MaxReason = 1000;

    public override async Task<ListModelsResponse> ListModels(ListModelsRequest request, ServerCallContext context)
    {
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var rows = await Rows(database).OrderByDescending(row => row.Model.Version).ToListAsync(context.CancellationToken);
        var response = new ListModelsResponse();
        response.Models.AddRange(rows.Select(row => ToMessage(row, withReport: false)));
        return response;
    }

    public override async Task<Model> GetModel(GetModelRequest request, ServerCallContext context)
    {
        var version = Refusal.ParseVersion(request.Version);
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var row = await Rows(database).SingleOrDefaultAsync(row => row.Model.Version == version, context.CancellationToken) ?? throw Refusal.UnknownVersion(version);
        var message = ToMessage(row, withReport: true);
        message.DatasetWarnings.AddRange(await DatasetWarnings.ReadAsync(database, row.Model, context.CancellationToken));
        message.TestLooks = row.Model.DatasetId is { } dataset ? await TestLookCount.ReadAsync(dataSource, dataset, context.CancellationToken) : 0;
        if (await OtherProtocol.FindAsync(database, row.Model, context.CancellationToken) is { } other)
        {
            message.OtherProtocol = new()
            {
                Version = other.Version.ToString(CultureInfo.InvariantCulture),
                Protocol = other.Report.Protocol,
                Figures = ToMessage(other.Report.Test ?? other.Report.Validation),
            };
        }

        return message;
    }

    public override async Task GetModelReport(GetModelReportRequest request, IServerStreamWriter<ReportFile> responseStream, ServerCallContext context)
    {
        foreach (var file in await reports.MakeAsync(Refusal.ParseVersion(request.Version), context.CancellationToken))
        {
            await responseStream.WriteAsync(
                new ReportFile { Name = file.Name, MediaType = file.MediaType, Content = UnsafeByteOperations.UnsafeWrap(file.Bytes) }, context.CancellationToken);
        }
    }

    public override async Task<ModelTransition> PromoteModel(PromoteModelRequest request, ServerCallContext context)
    {
        var version = Refusal.ParseVersion(request.Version);
        RequireReason(request.Reason);

        // What this replica cannot serve it does not promote: the lease loads and verifies the version.
        using var lease = await models.LeaseAsync(version, context.CancellationToken);
        var transition = await promotions.PromoteAsync(version, context.GetCaller().Name, request.Reason, context.CancellationToken);
        await models.ReconcileAsync(context.CancellationToken);
        return ToMessage(transition);
    }

    public override async Task<ModelTransition> RollbackModel(RollbackModelRequest request, ServerCallContext context)
    {
        RequireReason(request.Reason);
        while (true)
        {
            // As with a promotion: what this replica cannot serve does not go back into production.
            var target = await promotions.FindRollbackAsync(context.CancellationToken);
            using var lease = await models.LeaseAsync(target, context.CancellationToken);
            if (await promotions.TryRollbackAsync(target, context.GetCaller().Name, request.Reason, context.CancellationToken) is { } transition)
            {
                await models.ReconcileAsync(context.CancellationToken);
                return ToMessage(transition);
            }
        }
    }

    public override async Task CompareModels(CompareModelsRequest request, IServerStreamWriter<CompareModelsResponse> responseStream, ServerCallContext context)
    {
        var (version, other) = (Refusal.ParseVersion(request.Version), Refusal.ParseVersion(request.OtherVersion));
        if (version == other)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "A version is compared with another one; name two.");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            var comparison = await comparer.CompareAsync(
                version, other, request.HasDatasetId ? request.DatasetId : null, context.GetCaller().Name,
                (images, total) => responseStream.WriteAsync(new CompareModelsResponse { Progress = new() { Images = images, Total = total } }, stop.Token), stop.Token);
            await responseStream.WriteAsync(new CompareModelsResponse { Comparison = ComparisonMessages.ToMessage(comparison) }, stop.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw Refusal.Of(StatusCode.Unavailable, "The service stops; compare again.");
        }
    }

    public override async Task<ListModelTransitionsResponse> ListModelTransitions(ListModelTransitionsRequest request, ServerCallContext context)
    {
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        var rows = await (
            from transition in database.ModelTransitions.AsNoTracking()
            join model in database.ModelVersions on transition.ToVersion equals model.Version
            orderby transition.Id descending
            select new { Transition = transition, model.PolicyDecision }).ToListAsync(context.CancellationToken);
        var response = new ListModelTransitionsResponse();
        foreach (var row in rows)
        {
            var message = ToMessage(row.Transition);
            message.PolicyDecision = row.PolicyDecision ?? "";
            response.Transitions.Add(message);
        }

        return response;
    }

    public override Task<ServingStatus> GetServingStatus(GetServingStatusRequest request, ServerCallContext context)
    {
        var status = new ServingStatus { ExecutionProvider = models.ProviderName, Replica = Replica.Name, Problem = models.Problem?.ToString() ?? "", Load = loads.Now() };
        if (models.ProductionVersion is { } version)
        {
            status.ModelVersion = version.ToString(CultureInfo.InvariantCulture);
        }

        return Task.FromResult(status);
    }

    private static IQueryable<Row> Rows(MelanomaDbContext database) =>
        from model in database.ModelVersions.AsNoTracking()
        join artefact in database.ModelArtefacts on model.Version equals artefact.Version into artefacts
        from artefact in artefacts.Where(artefact => artefact.Precision == model.ServedPrecision).DefaultIfEmpty()
        select new Row { Model = model, Sha256 = artefact!.Sha256, SizeBytes = (int?)artefact.Bytes.Length };

    private static void RequireReason(string reason)
    {
        if (reason.Length > MaxReason || reason.Contains('\0', StringComparison.Ordinal))
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"The reason is longer than {MaxReason} characters or has a NUL in it; say it shorter.");
        }
    }

    private static Model ToMessage(Row row, bool withReport)
    {
        var model = row.Model;
        var message = new Model
        {
            Version = model.Version.ToString(CultureInfo.InvariantCulture),
            State = model.State switch
            {
                Storage.Models.ModelState.Candidate => ModelState.Candidate,
                Storage.Models.ModelState.Production => ModelState.Production,
                Storage.Models.ModelState.Retired => ModelState.Retired,
                _ => ModelState.Unspecified,
            },
            Recipe = model.Recipe,
            DatasetId = model.DatasetId ?? ModelProperties.NoDataset,
            Bundled = model.DatasetId is null,
            Protocol = model.DatasetKind == DatasetKind.Honest ? "honest" : "leaky",
            RunId = model.RunId?.ToString() ?? "",
            CreatedAt = model.CreatedAt.ToTimestamp(),
            Sha256 = row.Sha256 is null ? "" : Convert.ToHexStringLower(row.Sha256),
            SizeBytes = row.SizeBytes ?? 0,
            Artefact = model.ServedPrecision,
            PolicyDecision = model.PolicyDecision ?? "",
            ReportJson = withReport ? model.Report : "",
        };
        try
        {
            var report = ModelReport.FromJson(model.Report);
            message.Validation = ToMessage(report.Validation);
            message.Test = report.Test is null ? null : ToMessage(report.Test);
        }
        catch (JsonException)
        {
            // A report of another time is shown as it is, without headline figures.
        }

        return message;
    }

    private static ModelFigures ToMessage(SplitFigures figures)
    {
        var message = new ModelFigures { Images = figures.Images, Accuracy = figures.Accuracy, BalancedAccuracy = figures.BalancedAccuracy, Loss = figures.Loss };
        if (figures.MelanomaAuc is { } auc)
        {
            message.MelanomaAuc = auc;
        }

        return message;
    }

    private static ModelTransition ToMessage(Storage.Models.ModelTransition transition)
    {
        var message = new ModelTransition
        {
            ToVersion = transition.ToVersion.ToString(CultureInfo.InvariantCulture),
            Actor = transition.Actor,
            Reason = transition.Reason,
            Time = transition.Time.ToTimestamp(),
        };
        if (transition.FromVersion is { } from)
        {
            message.FromVersion = from.ToString(CultureInfo.InvariantCulture);
        }

        return message;
    }

    private sealed class Row
    {
        public required ModelVersion Model { get; init; }

        public byte[]? Sha256 { get; init; }

        public int? SizeBytes { get; init; }
    }
}
