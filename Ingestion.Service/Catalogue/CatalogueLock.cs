using Melanoma.Storage;
using Npgsql;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>
/// One writer of the catalogue at a time, over all replicas, until the transaction ends. Which group an image belongs to
/// depends on images that other transactions may be adding at this moment: without the lock two deliveries could each make
/// a group for the same lesion, or merge groups in opposite order and wait for each other for ever.
/// </summary>
internal static class CatalogueLock
{
    private const string Take = "SELECT pg_advisory_xact_lock($1)";

    /// <summary>How long to wait for other writers, and for the statement itself.</summary>
    private const int TimeoutSeconds = 600;

    public static NpgsqlBatchCommand BatchCommand => new(Take) { Parameters = { new() { Value = AdvisoryLocks.Catalogue } } };

    public static int Timeout => TimeoutSeconds;

    public static async Task TakeAsync(NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Take, transaction.Connection, transaction)
        {
            CommandTimeout = TimeoutSeconds,
            Parameters = { new() { Value = AdvisoryLocks.Catalogue } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
