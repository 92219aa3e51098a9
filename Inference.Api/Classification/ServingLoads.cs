using Melanoma.Contracts.V1;

namespace Melanoma.Inference.Classification;

/// <summary>How busy this replica is, for people and programs.</summary>
internal sealed class ServingLoads(InferenceLanes lanes, BulkStreams streams, HeldBytes held)
{
    /// <summary>At this moment.</summary>
    public ServingLoad Now()
    {
        var load = lanes.Load();
        return new ServingLoad
        {
            Lanes = lanes.Count,
            LanesWithCalls = load.Calls,
            LanesWithBulk = load.Bulk,
            WaitingImages = load.Waiting,
            WaitingBulkImages = load.WaitingInBulk,
            BulkStreams = streams.Open,
            HeldBytes = held.Now,
            AllocatedBytes = GC.GetTotalAllocatedBytes(),
        };
    }
}
