using Melanoma.ServiceDefaults;
using Npgsql;

namespace Melanoma.Ingestion.Disks;

/// <summary>Writes the room on this replica's disks down now and then, so that the Gateway can tell it; what replicas wrote that are gone is deleted after a day.</summary>
internal sealed partial class DiskReport(DiskWatch disks, NpgsqlDataSource dataSource, TimeProvider time, ILogger<DiskReport> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan KeepOthers = TimeSpan.FromDays(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await WriteAsync(disks.Measure(), stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogNotWritten(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task WriteAsync(IReadOnlyList<DiskRoom> rooms, CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        foreach (var room in rooms)
        {
            var write = new NpgsqlBatchCommand(
                """
                INSERT INTO disk_measurements (replica, holds, folder, free_bytes, total_bytes, limit_bytes, measured_at)
                VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
                ON CONFLICT (replica, holds) DO UPDATE SET folder = excluded.folder, free_bytes = excluded.free_bytes, total_bytes = excluded.total_bytes,
                    limit_bytes = excluded.limit_bytes, measured_at = excluded.measured_at
                """);
            foreach (var value in (ReadOnlySpan<object>)[Replica.Name, room.Holds, room.Folder, room.FreeBytes, room.TotalBytes, room.LimitBytes])
                write.Parameters.Add(new NpgsqlParameter { Value = value });
            batch.BatchCommands.Add(write);
        }

        var prune = new NpgsqlBatchCommand("DELETE FROM disk_measurements WHERE measured_at < clock_timestamp() - $1");
        prune.Parameters.Add(new NpgsqlParameter { Value = KeepOthers });
        batch.BatchCommands.Add(prune);
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(51, LogLevel.Warning, "The room on the disks cannot be written down and is measured again: {Reason}")]
    private partial void LogNotWritten(string reason);
}
