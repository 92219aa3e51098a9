using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.Runs;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Reads what became of deliveries. Totals are counted from the lines of the report each time, so that they cannot disagree.</summary>
internal sealed class DeliveryReports(
    IDbContextFactory<MelanomaDbContext> databases, NpgsqlDataSource dataSource, DeliveryFindings findings, IOptions<RetrainOptions> retrain)
{
    private const string Lines = """
        SELECT path, outcome, reason, image_id,
            CASE WHEN label_state = $2 AND folder_diagnosis IS NOT NULL THEN
                (SELECT bit_or(diagnoses) FROM label_claims JOIN images AS views ON views.id = label_claims.image_id
                WHERE views.group_id = images.group_id AND views.excluded_at IS NULL AND views.forgotten_at IS NULL AND diagnoses & (1 << folder_diagnosis) = 0)
            END, near_duplicate_of_id, group_id
        FROM delivery_files LEFT JOIN images ON images.id = image_id WHERE delivery_files.delivery_id = $1 ORDER BY delivery_files.id
        """;

    private const int LinesAtOnce = 500;

    /// <summary>Counting a delivery of millions of files takes longer than the usual statement.</summary>
    internal static readonly TimeSpan CountingTimeout = TimeSpan.FromMinutes(10);

    /// <summary>A delivery with all that was found in it; null when there is none of this id.</summary>
    public async Task<V1.Delivery?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        var delivery = (await ListAsync(deliveries => deliveries.Where(delivery => delivery.Id == id), cancellationToken)).SingleOrDefault();
        if (delivery is not null)
            await findings.AddToAsync(delivery, id, cancellationToken);
        return delivery;
    }

    public Task<List<V1.Delivery>> ListNewestAsync(int count, CancellationToken cancellationToken) =>
        ListAsync(deliveries => deliveries.OrderByDescending(delivery => delivery.ReceivedAt).ThenByDescending(delivery => delivery.Id).Take(count), cancellationToken);

    public async Task<bool> ExistsAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.Deliveries.AnyAsync(delivery => delivery.Id == id, cancellationToken);
    }

    /// <summary>Every file of a delivery, streamed.</summary>
    public async IAsyncEnumerable<V1.DeliveryFile> ReadFilesAsync(Guid id, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var lines in ReadLinesAsync(id, cancellationToken).Chunk(LinesAtOnce).WithCancellation(cancellationToken))
        {
            var decisions = await ReadDecisionsAsync([.. lines.Select(line => line.Group).OfType<Guid>().Distinct()], cancellationToken);
            foreach (var (file, group) in lines)
            {
                if (group is { } lesion)
                    file.Decision = decisions.GetValueOrDefault(lesion, "");
                yield return file;
            }
        }
    }

    public async Task<V1.ClassDistribution> CountClassesAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Database.SetCommandTimeout(CountingTimeout);
        var counts = await database.Images.AsNoTracking().Where(image => image.ExcludedAt == null && image.ForgottenAt == null)
            .GroupBy(image => new { image.LabelState, image.Label })
            .Select(group => new { group.Key.LabelState, group.Key.Label, Count = group.Count() })
            .ToListAsync(cancellationToken);
        var distribution = new V1.ClassDistribution
        {
            Images = counts.Sum(row => row.Count),
            Conflicts = counts.Where(row => row.LabelState == LabelState.Conflict).Sum(row => row.Count),
            Unlabelled = counts.Where(row => row.LabelState == LabelState.Unlabelled).Sum(row => row.Count),
        };
        for (var index = 0; index < Diagnoses.Count; index++)
        {
            var label = DiagnosisSet.Of((Diagnosis)index);
            distribution.Classes.Add(new V1.ClassCount
            {
                Diagnosis = Diagnoses.Names[index],
                Count = counts.Where(row => row.LabelState == LabelState.Settled && row.Label == label).Sum(row => row.Count),
            });
        }

        return distribution;
    }

    // A connection of its own for as long as it takes, not for as long as the receiver does.
    private async Task<IReadOnlyDictionary<Guid, string>> ReadDecisionsAsync(Guid[] groups, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await LabelDecisions.ReadAsync(connection, groups, cancellationToken);
    }

    private async IAsyncEnumerable<(V1.DeliveryFile File, Guid? Group)> ReadLinesAsync(Guid id, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Lines);
        command.CommandTimeout = 0;
        command.Parameters.AddWithValue(id);
        command.Parameters.AddWithValue(LabelState.Conflict.ToColumn());
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var file = new V1.DeliveryFile
            {
                Path = rows.GetString(0),
                Outcome = EnumText.FromColumn<FileOutcome>(rows.GetString(1)) switch
                {
                    FileOutcome.Stored => V1.FileOutcome.Stored,
                    FileOutcome.Duplicate => V1.FileOutcome.Duplicate,
                    FileOutcome.Refused => V1.FileOutcome.Refused,
                    FileOutcome.Metadata => V1.FileOutcome.Metadata,
                    _ => V1.FileOutcome.Waiting,
                },
                Reason = rows.GetString(2),
            };
            if (!rows.IsDBNull(3))
                file.ImageId = rows.GetGuid(3).ToString();
            if (!rows.IsDBNull(4))
                file.ConflictingDiagnoses.AddRange(new DiagnosisSet(rows.GetInt16(4)).Members.Select(Diagnoses.NameOf));
            if (!rows.IsDBNull(5))
                file.NearDuplicateOf = rows.GetGuid(5).ToString();
            yield return (file, rows.IsDBNull(6) ? null : rows.GetGuid(6));
        }
    }

    private async Task<List<V1.Delivery>> ListAsync(Func<IQueryable<Delivery>, IQueryable<Delivery>> choose, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Database.SetCommandTimeout(CountingTimeout);
        var deliveries = await choose(database.Deliveries.AsNoTracking()).ToListAsync(cancellationToken);
        var ids = deliveries.Select(delivery => delivery.Id).ToList();
        var files = database.DeliveryFiles.AsNoTracking().Where(file => ids.Contains(file.DeliveryId));
        var outcomes = (await files
            .GroupBy(file => new { file.DeliveryId, file.Outcome, file.RefusalKind })
            .Select(group => new { group.Key.DeliveryId, group.Key.Outcome, group.Key.RefusalKind, Count = group.Count() })
            .ToListAsync(cancellationToken)).ToLookup(row => row.DeliveryId);
        var classes = (await files
            .Where(file => file.ImageId != null && file.FolderDiagnosis != null)
            .Select(file => new { file.DeliveryId, file.FolderDiagnosis, file.ImageId }).Distinct()
            .GroupBy(row => new { row.DeliveryId, row.FolderDiagnosis })
            .Select(group => new { group.Key.DeliveryId, group.Key.FolderDiagnosis, Count = group.Count() })
            .ToListAsync(cancellationToken)).ToLookup(row => row.DeliveryId);
        var conflicts = await files
            .Join(database.Images.Where(image => image.LabelState == LabelState.Conflict && image.ExcludedAt == null && image.ForgottenAt == null), file => file.ImageId, image => image.Id, (file, image) => new { file.DeliveryId, image.Id })
            .Distinct().GroupBy(row => row.DeliveryId)
            .Select(group => new { DeliveryId = group.Key, Count = group.Count() })
            .ToDictionaryAsync(row => row.DeliveryId, row => row.Count, cancellationToken);

        var nearDuplicates = await files
            .Where(file => database.NearDuplicates.Any(pair => pair.ImageId == file.ImageId) || database.NearDuplicates.Any(pair => pair.DuplicateOfId == file.ImageId))
            .Select(file => new { file.DeliveryId, file.ImageId }).Distinct().GroupBy(row => row.DeliveryId)
            .Select(group => new { DeliveryId = group.Key, Count = group.Count() })
            .ToDictionaryAsync(row => row.DeliveryId, row => row.Count, cancellationToken);

        return [.. deliveries.Select(delivery =>
        {
            var rows = outcomes[delivery.Id].ToList();
            var result = new V1.Delivery
            {
                DeliveryId = delivery.Id.ToString(),
                Name = delivery.Name,
                State = delivery.State switch
                {
                    DeliveryState.Receiving => V1.DeliveryState.Receiving,
                    DeliveryState.Completed => V1.DeliveryState.Completed,
                    _ => V1.DeliveryState.Abandoned,
                },
                ReceivedAt = Timestamp.FromDateTimeOffset(delivery.ReceivedAt),
                Files = rows.Sum(row => row.Count),
                Stored = CountOf(FileOutcome.Stored),
                Duplicates = CountOf(FileOutcome.Duplicate),
                Refused = CountOf(FileOutcome.Refused),
                Metadata = CountOf(FileOutcome.Metadata),
                Waiting = CountOf(FileOutcome.Waiting),
                Conflicts = conflicts.GetValueOrDefault(delivery.Id),
                NearDuplicates = nearDuplicates.GetValueOrDefault(delivery.Id),
            };
            result.Classes.AddRange(classes[delivery.Id].OrderBy(row => row.FolderDiagnosis)
                .Select(row => new V1.ClassCount { Diagnosis = Diagnoses.NameOf(row.FolderDiagnosis!.Value), Count = row.Count }));
            result.Refusals.AddRange(rows.Where(row => row.Outcome == FileOutcome.Refused).OrderByDescending(row => row.Count).ThenBy(row => row.RefusalKind)
                .Select(row => new V1.RefusalCount { Reason = row.RefusalKind, Count = row.Count }));
            if (delivery.DatasetChange is { } change)
            {
                result.DatasetChange = V1.DatasetChange.Parser.ParseJson(change);
                result.DatasetChange.RunProposed = retrain.Value.RetrainAfterImages > 0 && result.DatasetChange.Added >= retrain.Value.RetrainAfterImages;
            }

            return result;

            int CountOf(FileOutcome outcome) => rows.Where(row => row.Outcome == outcome).Sum(row => row.Count);
        })];
    }
}
