using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The gRPC service Datasets.</summary>
internal sealed class DatasetsService(DatasetSnapshots snapshots, DatasetReports reports) : Contracts.V1.Datasets.DatasetsBase
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

    public override async Task<Dataset> GetDataset(GetDatasetRequest request, ServerCallContext context)
    {
        if (await reports.FindAsync(request.DatasetId, context.CancellationToken) is { } dataset)
            return dataset;
        Throw(StatusCode.NotFound, $"There is no dataset {request.DatasetId}; ListDatasets gives the numbers.");
        return null;
    }

    [DoesNotReturn]
    private static Storage.Datasets.DatasetKind Throw(StatusCode code, string detail) => throw new RpcException(new Status(code, detail));
}
