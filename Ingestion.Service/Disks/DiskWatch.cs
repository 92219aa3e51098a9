using Grpc.Core;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.DropFolder;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.Disks;

/// <summary>
/// The disks that this process fills: that of the spool, that of the drop folder, and that of the database where somebody says where it lies, because a database
/// tells nobody but its superuser.
/// </summary>
internal sealed class DiskWatch(IOptions<DeliveryOptions> deliveries, IOptions<DropFolderOptions> dropFolder)
{
    /// <summary>The room on each of them.</summary>
    public IReadOnlyList<DiskRoom> Measure() =>
    [
        .. ForDeliveries(),
        .. dropFolder.Value.Path is { } folder && DiskRoom.Measure(DiskRoom.DropFolder, Path.GetFullPath(folder), dropFolder.Value.MinFreeDiskBytes) is { } room
            ? [room]
            : Array.Empty<DiskRoom>(),
    ];

    /// <summary>Makes sure that there is room for pictures.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: there is too little.</exception>
    public void EnsureRoom()
    {
        if (ForDeliveries().FirstOrDefault(room => room.IsShort) is { } full)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted,
                $"The disk of the {full.Holds} has {full.FreeBytes >> 20} MiB free, less than the {full.LimitBytes >> 20} MiB that must stay: " +
                "nothing is taken in until there is more room. What was stored before stays; deliver the rest again then."));
        }
    }

    private IEnumerable<DiskRoom> ForDeliveries()
    {
        var limit = deliveries.Value.MinFreeDiskBytes;
        if (DiskRoom.Measure(DiskRoom.Spool, deliveries.Value.SpoolFolder ?? Path.GetTempPath(), limit) is { } spool)
            yield return spool;
        if (deliveries.Value.DatabaseFolder is { Length: > 0 } folder && DiskRoom.Measure(DiskRoom.Database, folder, limit) is { } database)
            yield return database;
    }
}
