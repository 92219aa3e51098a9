using Google.Protobuf.WellKnownTypes;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Models;
using Melanoma.Storage.Runs;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Gateway.Operations;

/// <summary>Work that waits and room that is left, as the rows of all services tell it; every service may read them.</summary>
internal sealed class WorkRows(NpgsqlDataSource dataSource)
{
    private static readonly TimeSpan Forgotten = TimeSpan.FromHours(1);

    private static readonly (string Kind, string Meaning)[] Meanings =
    [
        ("outbox", "messages that the broker has not taken yet"),
        ("delivery", "deliveries that are coming in"),
        ("augmentation-batch", "batches of variants that no worker has"),
        ("run", "training runs that no worker has"),
        ("model-decision", "new models that the promotion policy has not judged"),
    ];

    // A run waits while it is neither called off nor paused nor failed with its augmentation, and no worker holds it.
    private const string Waiting =
        """
        SELECT 'outbox', service.name, count(message.id), min(message.created_at)
        FROM (VALUES ('ingestion'), ('augmentation'), ('training'), ('inference')) service (name)
            LEFT JOIN outbox message ON message.service = service.name AND message.sent_at IS NULL
        GROUP BY service.name
        UNION ALL
        SELECT 'delivery', 'ingestion', count(*), min(received_at) FROM deliveries WHERE state = @receiving
        UNION ALL
        SELECT 'augmentation-batch', 'augmentation', count(*), min(made.planned_at)
        FROM augmentation_batches batch JOIN augmentations made ON made.id = batch.augmentation_id
        WHERE batch.completed_at IS NULL AND (batch.lease_until IS NULL OR batch.lease_until < clock_timestamp()) AND EXISTS (
            SELECT FROM runs run WHERE run.dataset_id = made.dataset_id AND run.augmentation_policy = made.policy
                AND run.samples_per_class = made.samples_per_class AND run.seed = made.seed
                AND run.cancel_requested_at IS NULL AND run.pause_requested_at IS NULL AND (made.failed_at IS NULL OR run.requested_at > made.failed_at))
        UNION ALL
        SELECT 'run', 'training', count(*), min(run.requested_at)
        FROM runs run LEFT JOIN run_executions execution ON execution.run_id = run.id
        WHERE run.cancel_requested_at IS NULL AND run.pause_requested_at IS NULL
            AND (execution.run_id IS NULL
                OR (execution.state = @training AND (execution.lease_until IS NULL OR execution.lease_until < clock_timestamp())))
            AND NOT EXISTS (
                SELECT FROM augmentations made WHERE made.dataset_id = run.dataset_id AND made.policy = run.augmentation_policy
                    AND made.samples_per_class = run.samples_per_class AND made.seed = run.seed AND made.failed_at >= run.requested_at)
        UNION ALL
        SELECT 'model-decision', 'inference', count(*), min(created_at) FROM model_versions WHERE state = @candidate AND policy_decision IS NULL
        """;

    /// <summary>What waits, by kind and service; each is told also when nothing of it waits.</summary>
    public async Task<IReadOnlyList<V1.WaitingWork>> WaitingAsync(CancellationToken cancellationToken)
    {
        var waiting = new List<V1.WaitingWork>();
        await using var command = dataSource.CreateCommand(Waiting);
        command.Parameters.AddWithValue("receiving", DeliveryState.Receiving.ToColumn());
        command.Parameters.AddWithValue("training", RunExecutionState.Training.ToColumn());
        command.Parameters.AddWithValue("candidate", ModelState.Candidate.ToColumn());
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            waiting.Add(new V1.WaitingWork
            {
                Kind = rows.GetString(0),
                Service = rows.GetString(1),
                Count = (uint)rows.GetInt64(2),
                OldestSince = await rows.IsDBNullAsync(3, cancellationToken) ? null : Timestamp.FromDateTime(rows.GetDateTime(3)),
                Meaning = Meanings.First(row => row.Kind == rows.GetString(0)).Meaning,
            });
        }

        return [.. waiting.OrderBy(work => Array.FindIndex(Meanings, row => row.Kind == work.Kind)).ThenBy(work => work.Service, StringComparer.Ordinal)];
    }

    /// <summary>The disks that replicas of ingestion have measured in the last hour.</summary>
    public async Task<IReadOnlyList<V1.Disk>> DisksAsync(CancellationToken cancellationToken)
    {
        var disks = new List<V1.Disk>();
        await using var command = dataSource.CreateCommand(
            """
            SELECT replica, holds, folder, free_bytes, total_bytes, limit_bytes, measured_at FROM disk_measurements
            WHERE measured_at > clock_timestamp() - @forgotten ORDER BY replica, holds
            """);
        command.Parameters.AddWithValue("forgotten", Forgotten);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            disks.Add(new V1.Disk
            {
                Replica = rows.GetString(0),
                Holds = rows.GetString(1),
                Folder = rows.GetString(2),
                FreeBytes = (ulong)rows.GetInt64(3),
                TotalBytes = (ulong)rows.GetInt64(4),
                LimitBytes = (ulong)rows.GetInt64(5),
                Refuses = rows.GetInt64(3) < rows.GetInt64(5),
                MeasuredAt = Timestamp.FromDateTime(rows.GetDateTime(6)),
            });
        }

        return disks;
    }
}
