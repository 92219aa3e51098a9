using Melanoma.Contracts.Messages;
using Melanoma.Storage;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Melanoma.Augmentation.Batches;

/// <summary>
/// Takes the variants of one batch to the database in one transaction, whatever their number. Variants are kept in memory
/// up to a limit; the first that go out lock the batch's row, after its fence was seen to match, until the commit.
/// </summary>
/// <remarks>
/// Locks are taken in one order: the batch's row, then the augmentation's. The second is what makes "was that the last
/// batch?" safe: of two workers that finish together, the later looks after the earlier has committed. It is a NO KEY lock,
/// because new variants hold key-share locks on the same row through their foreign key.
/// </remarks>
internal sealed class BatchStore(IDbContextFactory<MelanomaDbContext> databases, BatchLease lease, LeaseKeeper keeper, long bufferBytes) : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly List<(Variant Row, byte[] Bytes)> _buffer = [];
    private long _buffered;
    private int _added;
    private MelanomaDbContext? _database;
    private IDbContextTransaction? _transaction;

    /// <summary>Adds a variant; may be called by several at once.</summary>
    /// <exception cref="LeaseLostException">Another worker has the batch.</exception>
    public async Task AddAsync(Variant row, byte[] bytes, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _buffer.Add((row, bytes));
            _added++;
            _buffered += bytes.Length;
            if (_buffered >= bufferBytes)
            {
                await FlushAsync(cancellationToken);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Stores what is left, marks the batch done, and announces the augmentation if this was its last batch. True when it was.</summary>
    /// <exception cref="LeaseLostException">Another worker has the batch, or has done it; nothing is stored.</exception>
    public async Task<bool> CompleteAsync(CancellationToken cancellationToken)
    {
        if (_added != lease.Count)
        {
            throw new InvalidOperationException($"Batch {lease.Number} of augmentation {lease.AugmentationId} has {_added} variants instead of {lease.Count}.");
        }

        await FlushAsync(cancellationToken);
        var database = _database!;
        await database.Database.ExecuteSqlAsync(
            $"""
            UPDATE augmentation_batches SET completed_at = clock_timestamp(), lease_until = NULL, error = NULL
            WHERE augmentation_id = {lease.AugmentationId} AND number = {lease.Number}
            """, cancellationToken);

        // A statement of its own: the next one must see what was committed before this lock was granted.
        await database.Database.ExecuteSqlAsync($"SELECT FROM augmentations WHERE id = {lease.AugmentationId} FOR NO KEY UPDATE", cancellationToken);
        var last = await database.Database.ExecuteSqlAsync(
            $"""
            UPDATE augmentations SET completed_at = clock_timestamp() WHERE id = {lease.AugmentationId} AND completed_at IS NULL
            AND NOT EXISTS (SELECT FROM augmentation_batches WHERE augmentation_id = {lease.AugmentationId} AND completed_at IS NULL)
            """, cancellationToken) == 1;
        if (last)
        {
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Augmentation, new AugmentationCompleted(lease.AugmentationId)));
            await database.SaveChangesAsync(cancellationToken);
        }

        await _transaction!.CommitAsync(cancellationToken);
        return last;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_transaction is not null)
        {
            await _transaction.DisposeAsync();
        }

        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        _turn.Dispose();
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_transaction is null)
        {
            await BeginAsync(cancellationToken);
        }

        _buffer.Sort((one, other) => one.Row.Ordinal.CompareTo(other.Row.Ordinal));
        await VariantCopy.WriteAsync((NpgsqlConnection)_database!.Database.GetDbConnection(), _buffer, cancellationToken);
        _buffer.Clear();
        _buffered = 0;
    }

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        await keeper.StopAsync();
        _database = await databases.CreateDbContextAsync(cancellationToken);
        _transaction = await _database.Database.BeginTransactionAsync(cancellationToken);

        // A worker that is frozen here must not hold the row for ever.
        await _database.Database.ExecuteSqlAsync($"SET LOCAL idle_in_transaction_session_timeout = '5min'", cancellationToken);
        var held = await _database.AugmentationBatches.FromSql(
            $"""
            SELECT * FROM augmentation_batches
            WHERE augmentation_id = {lease.AugmentationId} AND number = {lease.Number} AND fence = {lease.Fence} AND completed_at IS NULL FOR UPDATE
            """).AsNoTracking().ToListAsync(cancellationToken);
        if (held.Count == 0)
        {
            throw new LeaseLostException();
        }
    }
}

/// <summary>The batch is another worker's by now.</summary>
internal sealed class LeaseLostException() : Exception("Another worker has taken the batch.");
