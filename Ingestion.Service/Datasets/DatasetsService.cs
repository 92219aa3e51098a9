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
            _ => Throw(StatusCode.InvalidArgument, "kind is not known; choose DATASET_KIND_HONEST or DATASET_KIND_REPRODUCTION."),
        };
        if (kind != Storage.Datasets.DatasetKind.Honest && request.Licences.Count > 0)
            Throw(StatusCode.InvalidArgument, "Only honest datasets can be limited to licences; a reproduction has every delivered file.");
        var id = await snapshots.CreateAsync(kind, request.Licences, context.CancellationToken);
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
