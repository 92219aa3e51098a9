using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Marks deliveries whose process died while it received them, at start and now and then; those of living replicas hold their lock.</summary>
internal sealed partial class AbandonedDeliveries(NpgsqlDataSource dataSource, TimeProvider time, ILogger<AbandonedDeliveries> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogDatabaseLost(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var receiving = new List<Guid>();
        await using (var list = new NpgsqlCommand("SELECT id FROM deliveries WHERE state = $1", connection))
        {
            list.Parameters.Add(new NpgsqlParameter { Value = DeliveryState.Receiving.ToColumn() });
            await using var rows = await list.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
                receiving.Add(rows.GetGuid(0));
        }

        foreach (var id in receiving)
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var take = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1)", connection, transaction);
            take.Parameters.Add(new NpgsqlParameter { Value = OpenDelivery.LockKey(id) });
            if ((bool)(await take.ExecuteScalarAsync(cancellationToken))!)
            {
                await using var mark = new NpgsqlCommand("UPDATE deliveries SET state = $2 WHERE id = $1 AND state = $3", connection, transaction);
                mark.Parameters.Add(new NpgsqlParameter { Value = id });
                mark.Parameters.Add(new NpgsqlParameter { Value = DeliveryState.Abandoned.ToColumn() });
                mark.Parameters.Add(new NpgsqlParameter { Value = DeliveryState.Receiving.ToColumn() });
                if (await mark.ExecuteNonQueryAsync(cancellationToken) > 0)
                    LogAbandoned(id);
                await transaction.CommitAsync(cancellationToken);
            }
        }
    }

    [LoggerMessage(21, LogLevel.Warning, "Delivery {DeliveryId} was being received by a process that is gone; it is marked abandoned, what it stored stays")]
    private partial void LogAbandoned(Guid deliveryId);

    [LoggerMessage(22, LogLevel.Warning, "Deliveries left behind could not be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
