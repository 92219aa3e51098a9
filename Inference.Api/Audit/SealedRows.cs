using Melanoma.Storage;
using Melanoma.Storage.Predictions;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Audit;

/// <summary>Reads the chain page by page, so that however long it is, neither memory nor a transaction grows with it.</summary>
internal static class SealedRows
{
    /// <summary>Positions in a page.</summary>
    public const int PageSize = 1000;

    /// <summary>The seals after a position, at most a page of them, and what the chain was at that moment.</summary>
    /// <param name="databases">The database.</param>
    /// <param name="after">The position before the first.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    public static async Task<SealedPage> ReadAsync(IDbContextFactory<MelanomaDbContext> databases, long after, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);

        // One snapshot: what retention drops between two statements would look like rows that are missing.
        await using var transaction = await database.Database.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        var start = await ChainEnd.OfAnchorAsync(database, cancellationToken);
        var last = await database.PredictionSeals.MaxAsync(seal => (long?)seal.Position, cancellationToken) ?? start.Position;
        var rows = await (
            from seal in database.PredictionSeals.AsNoTracking()
            join prediction in database.Predictions.AsNoTracking() on seal.PredictionId equals prediction.Id into predictions
            from prediction in predictions.DefaultIfEmpty()
            where seal.Position > after
            orderby seal.Position
            select new SealedRow(seal, prediction)).Take(PageSize).ToListAsync(cancellationToken);
        return new SealedPage(start, last, rows);
    }
}

/// <summary>A page of the chain.</summary>
/// <param name="Start">Where the chain that is kept begins: the end of what was dropped.</param>
/// <param name="Last">Its last position.</param>
/// <param name="Rows">Its rows.</param>
internal sealed record SealedPage(ChainEnd Start, long Last, IReadOnlyList<SealedRow> Rows);

/// <summary>A seal and its row.</summary>
/// <param name="Seal">The seal.</param>
/// <param name="Row">The row; null where it is gone.</param>
internal sealed record SealedRow(PredictionSeal Seal, Prediction? Row);

/// <summary>Where a chain ends, and the next position goes on.</summary>
/// <param name="Position">The last position; 0 for none.</param>
/// <param name="Hash">Its hash.</param>
internal sealed record ChainEnd(long Position, byte[] Hash)
{
    /// <summary>The end of what retention dropped; position 0 where it dropped nothing.</summary>
    public static async Task<ChainEnd> OfAnchorAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        await database.AuditAnchors.OrderByDescending(anchor => anchor.LastPosition).Select(anchor => new ChainEnd(anchor.LastPosition, anchor.LastHash)).FirstOrDefaultAsync(cancellationToken)
        ?? new ChainEnd(0, SealForm.Genesis.ToArray());

    /// <summary>The end of all.</summary>
    public static async Task<ChainEnd> OfAllAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        await database.PredictionSeals.OrderByDescending(seal => seal.Position).Select(seal => new ChainEnd(seal.Position, seal.Hash)).FirstOrDefaultAsync(cancellationToken)
        ?? await OfAnchorAsync(database, cancellationToken);
}
