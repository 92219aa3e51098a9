using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Ingestion.Exports;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The gRPC service Datasets.</summary>
internal sealed class DatasetsService(DatasetSnapshots snapshots, DatasetReports reports, DatasetDifferences differences, DatasetExport export)
    : Contracts.V1.Datasets.DatasetsBase
{
    public override async Task<Dataset> CreateDataset(CreateDatasetRequest request, ServerCallContext context)
    {
        var kind = request.Kind switch
        {
            DatasetKind.Unspecified or DatasetKind.Honest => Storage.Datasets.DatasetKind.Honest,
            DatasetKind.Reproduction => Storage.Datasets.DatasetKind.Reproduction,
            DatasetKind.CrossValidation => Storage.Datasets.DatasetKind.CrossValidation,
            _ => Throw(StatusCode.InvalidArgument, "kind is not known; choose DATASET_KIND_HONEST, DATASET_KIND_REPRODUCTION or DATASET_KIND_CROSS_VALIDATION."),
        };
        if (kind == Storage.Datasets.DatasetKind.Reproduction && request.Licences.Count > 0)
            Throw(StatusCode.InvalidArgument, "A reproduction has every delivered file; only datasets of images can be limited to licences.");
        var folds = kind == Storage.Datasets.DatasetKind.CrossValidation ? FoldsOf(request) : null;
        if (folds is null && (request.HasFolds || request.FoldTable.Count > 0))
            Throw(StatusCode.InvalidArgument, "Only a cross-validation has folds.");
        var id = await snapshots.CreateAsync(new DatasetRequest(kind, request.Licences, folds), context.CancellationToken);
        return (await reports.FindAsync(id, context.CancellationToken))!;
    }

    public override async Task<ListDatasetsResponse> ListDatasets(ListDatasetsRequest request, ServerCallContext context) =>
        new() { Datasets = { await reports.ListAsync(context.CancellationToken) } };

    public override Task<Dataset> GetDataset(GetDatasetRequest request, ServerCallContext context) => FindAsync(request.DatasetId, context);

    public override async Task<DatasetDifference> DiffDatasets(DiffDatasetsRequest request, ServerCallContext context)
    {
        var from = await FindAsync(request.FromDatasetId, context);
        var to = await FindAsync(request.ToDatasetId, context);
        if (from.Kind != to.Kind)
            Throw(StatusCode.InvalidArgument, $"Datasets {from.DatasetId} and {to.DatasetId} are of different kinds; their rows are not comparable.");
        return await differences.CompareAsync(from.DatasetId, to.DatasetId, context.CancellationToken);
    }

    public override async Task ExportDataset(ExportDatasetRequest request, IServerStreamWriter<ExportChunk> responseStream, ServerCallContext context)
    {
        var dataset = await FindAsync(request.DatasetId, context);
        var bytes = await export.EstimateBytesAsync(dataset, !request.WithoutImages, context.CancellationToken);
        await context.WriteResponseHeadersAsync(new Metadata { { DatasetExport.SizeHeaderName, bytes.ToString(CultureInfo.InvariantCulture) } });
        await using var output = new ExportStream(responseStream);
        await export.WriteAsync(dataset, !request.WithoutImages, output, context.CancellationToken);
    }

    private static FoldDraw FoldsOf(CreateDatasetRequest request)
    {
        if (request.FoldTable.Count > FoldDraw.LongestTable)
            Throw(StatusCode.InvalidArgument, $"fold_table has {request.FoldTable.Count} rows; at most {FoldDraw.LongestTable} are taken.");
        var table = ImmutableDictionary.CreateBuilder<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var row in request.FoldTable)
        {
            if (row.Fold is < 0 or >= FoldDraw.MostFolds)
                Throw(StatusCode.InvalidArgument, $"fold_table gives {row.IsicId} the fold {row.Fold}; folds are counted from 0, and at most {FoldDraw.MostFolds} are taken.");
            if (table.TryGetValue(row.IsicId, out var other) && other != row.Fold)
                Throw(StatusCode.InvalidArgument, $"fold_table gives {row.IsicId} the folds {other} and {row.Fold}.");
            table[row.IsicId] = row.Fold;
        }

        var named = table.Count > 0 ? table.Values.Max() + 1 : 0;
        var folds = request.HasFolds ? request.Folds : named > 0 ? named : FoldDraw.DefaultFolds;
        if (folds is < 2 or > FoldDraw.MostFolds || folds < named)
            Throw(StatusCode.InvalidArgument, $"folds is {folds}; it must be from {Math.Max(2, named)} to {FoldDraw.MostFolds}.");
        return new FoldDraw(folds, table.ToImmutable());
    }

    private async Task<Dataset> FindAsync(int id, ServerCallContext context)
    {
        if (await reports.FindAsync(id, context.CancellationToken) is { } dataset)
            return dataset;
        Throw(StatusCode.NotFound, $"There is no dataset {id}; ListDatasets gives the numbers.");
        return null;
    }

    [DoesNotReturn]
    private static Storage.Datasets.DatasetKind Throw(StatusCode code, string detail) => throw new RpcException(new Status(code, detail));
}
