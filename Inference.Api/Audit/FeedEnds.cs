using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Audit;

/// <summary>Which sequences a tenant's feed has.</summary>
/// <param name="Dropped">The last that retention dropped; 0 for none.</param>
/// <param name="Last">The last of all; 0 for none.</param>
internal sealed record FeedEnds(long Dropped, long Last)
{
    /// <summary>The first that is kept, or will be.</summary>
    public long First => Dropped + 1;

    public static async Task<FeedEnds> OfAsync(MelanomaDbContext database, string tenant, CancellationToken cancellationToken)
    {
        // In this order: what is dropped in between is counted all the same.
        var last = await database.PredictionSeals.Where(seal => seal.Tenant == tenant).MaxAsync(seal => (long?)seal.TenantSequence, cancellationToken);
        var dropped = await database.AuditAnchorSequences.Where(end => end.Tenant == tenant).MaxAsync(end => (long?)end.LastSequence, cancellationToken) ?? 0;
        return new FeedEnds(dropped, Math.Max(last ?? 0, dropped));
    }
}
