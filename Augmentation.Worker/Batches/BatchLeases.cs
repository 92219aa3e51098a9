using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults;
using Melanoma.Storage;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Augmentation.Batches;

/// <summary>A batch that this worker has taken.</summary>
/// <param name="AugmentationId">The augmentation.</param>
/// <param name="Number">The batch.</param>
/// <param name="FirstOrdinal">Its first variant.</param>
/// <param name="Count">How many variants it has.</param>
/// <param name="Fence">Every write for the batch must match it.</param>
internal sealed record BatchLease(Guid AugmentationId, int Number, int FirstOrdinal, int Count, long Fence);

/// <summary>
/// Takes batches and lets go of them. A lease is measured by the database's clock, whatever this machine's says; its fence
/// rises with each taking, so that a worker that was frozen and wakes can change nothing any more.
/// </summary>
internal sealed class BatchLeases(IDbContextFactory<MelanomaDbContext> databases, IOptions<AugmentationOptions> options)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    // A batch whose runs have all been called off or paused, or have failed with it, is left alone; a later run that wants it makes it takeable again.
    private const string Wanted =
        """
        batch.completed_at IS NULL AND EXISTS (
            SELECT FROM augmentations made JOIN runs run ON run.dataset_id = made.dataset_id AND run.augmentation_policy = made.policy
                AND run.samples_per_class = made.samples_per_class AND run.seed = made.seed
            WHERE made.id = batch.augmentation_id AND run.cancel_requested_at IS NULL AND run.pause_requested_at IS NULL
                AND (made.failed_at IS NULL OR run.requested_at > made.failed_at))
        """;

    // Rows that another worker has locked are passed over: it is about to commit.
    private const string ClaimStart =
        $$"""
        UPDATE augmentation_batches taken SET owner = {0}, lease_until = clock_timestamp() + {1}, fence = taken.fence + 1
        FROM (
            SELECT batch.augmentation_id, batch.number FROM augmentation_batches batch
            WHERE (batch.lease_until IS NULL OR batch.lease_until < clock_timestamp()) AND {{Wanted}}
        """;

    private const string ClaimEnd =
        """
             ORDER BY batch.augmentation_id, batch.number LIMIT 1 FOR UPDATE OF batch SKIP LOCKED) free
        WHERE taken.augmentation_id = free.augmentation_id AND taken.number = free.number
        RETURNING taken.*
        """;

    /// <summary>Takes a certain batch; null when it is done, or another worker has it.</summary>
    public Task<BatchLease?> ClaimAsync(Guid augmentationId, int number, CancellationToken cancellationToken) =>
        ClaimAsync($"{ClaimStart} AND batch.augmentation_id = {{2}} AND batch.number = {{3}} {ClaimEnd}", [augmentationId, number], cancellationToken);

    /// <summary>Takes the next batch that nobody has; null when there is none.</summary>
    public Task<BatchLease?> ClaimNextAsync(CancellationToken cancellationToken) => ClaimAsync($"{ClaimStart} {ClaimEnd}", [], cancellationToken);

    /// <summary>Lengthens a lease; false when it is another's by now.</summary>
    public async Task<bool> RenewAsync(BatchLease lease, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.Database.ExecuteSqlAsync(
            $"""
            UPDATE augmentation_batches SET lease_until = clock_timestamp() + {options.Value.Lease}
            WHERE augmentation_id = {lease.AugmentationId} AND number = {lease.Number} AND fence = {lease.Fence} AND completed_at IS NULL
            """, cancellationToken) == 1;
    }

    /// <summary>Gives a batch back unfinished and calls another worker to it.</summary>
    public async Task HandBackAsync(BatchLease lease, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var released = await database.Database.ExecuteSqlAsync(
            $"""
            UPDATE augmentation_batches SET lease_until = NULL, owner = NULL
            WHERE augmentation_id = {lease.AugmentationId} AND number = {lease.Number} AND fence = {lease.Fence} AND completed_at IS NULL
            """, cancellationToken);
        if (released == 1)
        {
            database.Outbox.Add(OutboxMessage.For(ServiceRole.Augmentation, new AugmentationBatchReady(lease.AugmentationId, lease.Number)));
            await database.SaveChangesAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Calls a worker to a batch whose message this one has used up.</summary>
    public async Task CallAsync(Guid augmentationId, int number, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Outbox.Add(OutboxMessage.For(ServiceRole.Augmentation, new AugmentationBatchReady(augmentationId, number)));
        await database.SaveChangesAsync(cancellationToken);
    }

    /// <summary>
    /// Notes why a batch could not be made and lets nobody take it for a while: 1 s, twice as long each time, 5 minutes at most. After the last
    /// attempt the augmentation has failed, and with it the runs that want it; a later run has every attempt again.
    /// </summary>
    /// <returns>Whether it has.</returns>
    public async Task<bool> FailAsync(BatchLease lease, string error, CancellationToken cancellationToken)
    {
        var pause = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, Math.Pow(2, lease.Fence - 1)));
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.Database.ExecuteSqlAsync(
            $"""
            WITH failed AS (
                UPDATE augmentation_batches SET owner = NULL, error = {error},
                    failures = CASE WHEN failures + 1 < {options.Value.AttemptsPerBatch} THEN failures + 1 ELSE 0 END,
                    lease_until = CASE WHEN failures + 1 < {options.Value.AttemptsPerBatch} THEN clock_timestamp() + {pause} END
                WHERE augmentation_id = {lease.AugmentationId} AND number = {lease.Number} AND fence = {lease.Fence} AND completed_at IS NULL
                RETURNING augmentation_id, failures)
            UPDATE augmentations SET failed_at = clock_timestamp(), error = {error}
            FROM failed WHERE id = failed.augmentation_id AND failed.failures = 0
            """, cancellationToken) == 1;
    }

    /// <summary>How long until the next lease of a batch that is wanted lapses, less than zero when one has; null when nobody holds one.</summary>
    public async Task<TimeSpan?> NextLapseAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var lapses = await database.Database
            .SqlQueryRaw<TimeSpan?>($"SELECT min(batch.lease_until) - clock_timestamp() AS \"Value\" FROM augmentation_batches batch WHERE {Wanted}")
            .ToListAsync(cancellationToken);
        return lapses[0];
    }

    private async Task<BatchLease?> ClaimAsync(string sql, object[] batch, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var taken = await database.AugmentationBatches
            .FromSqlRaw(sql, [Replica.Name, options.Value.Lease, .. batch]).AsNoTracking().ToListAsync(cancellationToken);
        return taken is [var row] ? new BatchLease(row.AugmentationId, row.Number, row.FirstOrdinal, row.Count, row.Fence) : null;
    }
}
