using Grpc.Core;
using Melanoma.Ingestion.Datasets;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Ingestion.Runs;

/// <summary>The dataset that is to be trained on, checked before anybody waits for a worker.</summary>
internal sealed class TrainableDataset(IDbContextFactory<MelanomaDbContext> databases, DatasetSnapshots snapshots)
{
    /// <summary>The number of the wanted dataset, or of one of the kind that has the catalogue's present content.</summary>
    /// <exception cref="RpcException">NOT_FOUND: there is none of this number. FAILED_PRECONDITION: it is of another kind, or cannot be trained on.</exception>
    public async Task<int> FindAsync(int? wanted, DatasetKind kind, CancellationToken cancellationToken)
    {
        var id = wanted ?? await snapshots.CreateAsync(DatasetRequest.All(kind), cancellationToken);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await CheckAsync(database, id, kind, cancellationToken);
        return id;
    }

    private static async Task CheckAsync(MelanomaDbContext database, int id, DatasetKind kind, CancellationToken cancellationToken)
    {
        var dataset = await database.Datasets.AsNoTracking().SingleOrDefaultAsync(candidate => candidate.Id == id, cancellationToken)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no dataset {id}."));
        if (dataset.Kind != kind)
        {
            throw Unusable($"Dataset {id} is of kind {NameOf(dataset.Kind)}; this needs {NameOf(kind)}.");
        }

        if (await database.DatasetItems.AnyAsync(
            item => item.DatasetId == id && database.Images.Any(image => image.Id == item.ImageId && image.ForgottenAt != null), cancellationToken))
        {
            throw Unusable($"Dataset {id} has images that were forgotten since, and can no longer be trained on; make another dataset.");
        }

        // A fold of a cross-validation stands in for validation.
        (Split, string)[] needed = kind == DatasetKind.CrossValidation ? [(Split.Train, "training")] : [(Split.Train, "training"), (Split.Validation, "validation")];
        foreach (var (split, missing) in needed)
        {
            if (!await database.DatasetItems.AnyAsync(item => item.DatasetId == id && item.Split == split, cancellationToken))
            {
                throw Unusable($"Dataset {id} has no {missing} images; deliver more and make another dataset.");
            }
        }
    }

    private static string NameOf(DatasetKind kind) => kind == DatasetKind.CrossValidation ? "cross-validation" : kind.ToColumn();

    private static RpcException Unusable(string detail) => new(new Status(StatusCode.FailedPrecondition, detail));
}
